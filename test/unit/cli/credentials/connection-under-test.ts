import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import {
  type Connection,
  type ConnectionFlags,
  resolveConnection,
} from '../../../../src/cli/credentials/resolve-connection.js';
import { CliUnderTest } from '../../../support/cli-under-test.js';

/** Not a real key: nothing is signed. */
export const KEY = '-----BEGIN RSA PRIVATE KEY-----\ntop secret\n-----END RSA PRIVATE KEY-----\n';
export const NO_PROXY = { http: '', https: '', none: '' };
export const URL = 'https://chef.example.com/organizations/acme';

/** Returns a profile of a credentials file whose key is `keys/USER.pem`. */
export const profile = (name: string, user = name): string =>
  `['${name}']\nclient_name = '${user}'\nclient_key = 'keys/${user}.pem'\nchef_server_url = '${URL}'\n`;

/** Resolves connection settings with the files of a temporary home folder and current folder. */
export class ConnectionUnderTest extends CliUnderTest {
  resolve(flags: ConnectionFlags = {}, env: Record<string, string> = {}): Connection {
    return resolveConnection(flags, this.environment([], [], { env }));
  }

  /** Returns the message of the error; fails if there is none. */
  messageOf(flags?: ConnectionFlags, env?: Record<string, string>): string {
    try {
      this.resolve(flags, env);
    } catch (thrown) {
      return (thrown as Error).message;
    }
    return expect.unreachable('no error');
  }

  /** Writes the key file of a user in `~/.chef/keys`; returns its path. */
  writeKey(user: string): string {
    return this.writeChefFile(`keys/${user}.pem`, KEY);
  }

  /** Writes a file in the `.chef` folder of `folder`; returns its path. */
  writeIn(folder: string, name: string, text: string): string {
    const file = join(folder, '.chef', name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }
}
