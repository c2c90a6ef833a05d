import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { generateServerKeys } from '../../src/server/keys/generate-server-keys.js';
import type { Ports } from './ports.js';

export const ORG = 'acme';
export const USER = 'alice';
export const NODES = ['node1', 'node2', 'node3'] as const;

/** The folder with all files of the quick start. */
export class QuickstartFolder {
  readonly root = resolve('.quickstart');

  constructor(private readonly ports: Ports) {
    for (const name of ['chef', 'etc', 'log', 'nodes', 'home/.chef']) {
      mkdirSync(this.path(name), { recursive: true, mode: 0o700 });
    }
  }

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  get chefServerUrl(): string {
    return `http://127.0.0.1:${this.ports.chef}/organizations/${ORG}`;
  }

  /** Path of the key of a user or client; the development Chef Server writes it. */
  keyOf(name: string): string {
    return this.path('chef', `${name}.pem`);
  }

  /** Writes the server's secrets unless an earlier start has. The superuser's key must exist. */
  async writeSecrets(): Promise<void> {
    const file = this.path('etc', 'secrets.json');
    if (existsSync(file)) return;
    const secrets = {
      ...(await generateServerKeys()),
      superuser_key: readFileSync(this.keyOf('pivotal'), 'utf8'),
    };
    this.write(['etc', 'secrets.json'], JSON.stringify(secrets, null, 2));
  }

  /** Writes the server's configuration and returns its path. */
  writeServerConfig(): string {
    const chefUrl = `http://127.0.0.1:${this.ports.chef}`;
    const config = {
      listen: '127.0.0.1',
      api_port: this.ports.api,
      zeromq_listen_address: 'tcp://127.0.0.1',
      command_port: this.ports.command,
      server_heartbeat_port: this.ports.heartbeat,
      server_name_advertised: '127.0.0.1',
      heartbeat_interval: 1000,
      database: { embedded_folder: this.path('database') },
      chef_server: { erchef_url: chefUrl, root_url: chefUrl },
      secrets_file: this.path('etc', 'secrets.json'),
    };
    return this.write(['etc', 'push-jobs-server.json'], JSON.stringify(config, null, 2));
  }

  /** Writes the settings of a node client and returns their path. */
  writeClientSettings(node: string): string {
    const showEnvironment = `"${process.execPath}" "${resolve('dist/src/client/print-execution-environment.js')}"`;
    return this.write(
      ['nodes', `${node}.rb`],
      `chef_server_url '${this.chefServerUrl}'
node_name '${node}'
client_key '${this.keyOf(node)}'
file_dir '${this.path('nodes', `${node}-files`)}'
state_dir '${this.path('nodes', 'state')}'
whitelist({
  'hello'       => 'echo "Hello from $CHEF_PUSH_NODE_NAME"',
  'uptime'      => 'uptime',
  'nap'         => 'sleep 20',
  'fail'        => 'echo "this goes wrong" >&2; exit 3',
  'environment' => '${showEnvironment}'
})
`,
    );
  }

  /** Writes the files of a workstation: credentials for push-jobs, a configuration for knife, and a shortcut. */
  writeWorkstation(): void {
    const url = this.chefServerUrl;
    const key = this.keyOf(USER);
    this.write(
      ['home', '.chef', 'credentials'],
      `[default]\nclient_name = "${USER}"\nclient_key = "${key}"\nchef_server_url = "${url}"\n`,
    );
    this.write(['knife.rb'], `node_name '${USER}'\nclient_key '${key}'\nchef_server_url '${url}'\n`);
    const shortcut = this.write(
      ['push-jobs'],
      `#!/bin/sh
# push-jobs as the user ${USER} of the quick start
unset CHEF_PROFILE KNIFE_PROFILE
HOME='${this.path('home')}' exec '${process.execPath}' '${resolve('dist/src/cli/main.js')}' "$@"
`,
    );
    chmodSync(shortcut, 0o700);
  }

  private write(names: string[], content: string): string {
    const file = this.path(...names);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }
}
