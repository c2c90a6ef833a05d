import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { ThrowAwayMachine } from '../support/throw-away-machine.js';
import { BuiltPackages } from './built-packages.js';

/** Slow tests use only these products: the command line has nothing that the client does not have. */
const THOROUGHLY = { products: ['server', 'client'], debs: /^(opscode-push-jobs-server|push-jobs-client)_/ };

const BUILT_WITHIN_MS = 600_000;
const MEGABYTE = 1e6;

let packages: BuiltPackages;
beforeAll(async () => (packages = await BuiltPackages.build()), BUILT_WITHIN_MS);
afterAll(() => packages.remove(), BUILT_WITHIN_MS);

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Runs a checker, which must succeed, and returns its output. Its files are removed with the packages. */
const output = async (program: string, ...args: string[]): Promise<string> =>
  (await promisify(execFile)(program, args, { env: { ...process.env, TMPDIR: packages.folder } })).stdout;

describe('the packages', () => {
  test('have the same bytes if they are built again in another environment', async () => {
    const temporary = packages.path('another place');
    mkdirSync(temporary);
    const again = await packages.buildAgain(
      { umask: '077', env: { TMPDIR: temporary, TZ: 'Asia/Tokyo', LC_ALL: 'C.UTF-8' } },
      THOROUGHLY.products,
    );
    const files = readdirSync(again);
    expect(files).toHaveLength(4);
    expect(files.map((file) => sha256(join(again, file)))).toEqual(
      files.map((file) => sha256(packages.path(file))),
    );
  });

  test('stay within their size limits', () => {
    const sizeOf = (file: string): number => statSync(packages.path(file)).size / MEGABYTE;
    const sizes = packages.files('.deb').map(sizeOf);
    expect(sizes[0]).toBeLessThan(60); // the server
    expect(sizes[1]).toBeLessThan(50); // the client
    expect(sizes[2]).toBeLessThan(50); // the command line
  });

  test('pass lintian', async () => {
    const files = packages.files('.deb').filter((file) => THOROUGHLY.debs.test(file));
    expect(files).toHaveLength(2);
    const paths = files.map((file) => packages.path(file));
    expect(await output('lintian', '--allow-root', '--fail-on', 'error,warning', ...paths)).toBe('');
  });

  test('pass rpmlint', async () => {
    const paths = packages.files('.rpm').map((file) => packages.path(file));
    expect(await output('rpmlint', '--config', 'omnibus/rpmlint.toml', ...paths)).toContain(
      '3 packages and 0 specfiles checked; 0 errors, 0 warnings',
    );
  });
});

/** A pattern for processes of any package that does not match the shell that runs pgrep. */
const OUR_NODE = '/[e]mbedded/bin/node';

const CTL = 'opscode-push-jobs-server-ctl';
const STATUS = 'https://chef.example.com/pushy/_status';
const SETTINGS = '/etc/opscode-push-jobs-server';
const DATA = '/var/opt/opscode-push-jobs-server';
const LOGS = '/var/log/opscode-push-jobs-server';

describe('the server on a machine with a Chef Server', () => {
  let machine: ThrowAwayMachine;
  beforeAll(async () => {
    machine = await ThrowAwayMachine.start(packages.folder);
    await machine.mustRun(readFileSync(new URL('chef-server.sh', import.meta.url), 'utf8'));
  });
  afterAll(() => machine.stop());

  const askThroughNginx = (): Promise<string> => machine.mustRun(`curl --silent --insecure --fail ${STATUS}`);

  test('is not installed beside a Chef Server that is too old', async () => {
    await machine.mustRun(`mkdir -p /tmp/old/DEBIAN && cd /tmp && printf '%s\\n' 'Package: chef-server-core' 'Version: 12.13.0-1' \
      'Architecture: all' 'Maintainer: Nobody <nobody@example.com>' 'Description: old' > old/DEBIAN/control && dpkg-deb -b old && dpkg -i old.deb`);
    const { code, output } = await machine.run('dpkg -i /packages/previous/opscode-push-jobs-server_*.deb');
    expect(code).not.toBe(0);
    expect(output).toContain('would break chef-server-core');
    await machine.mustRun('dpkg -P chef-server-core');
  });

  test('says what to do next, and is installed under both names', async () => {
    const said = await machine.mustRun('dpkg -i /packages/previous/opscode-push-jobs-server_*.deb');
    expect(said).toContain('Thank you for installing the Push Jobs Server!');
    expect(said).toContain(`${CTL} reconfigure`);
    expect(await machine.mustRun(`${CTL} version`)).toBe('opscode-push-jobs-server 0.0.1\n');
    expect(await machine.mustRun('push-jobs-server-ctl version')).toBe('opscode-push-jobs-server 0.0.1\n');
  });

  test('contains the client for the throw-away node of its smoke test', async () => {
    const home = '/opt/opscode-push-jobs-server';
    expect(
      await machine.mustRun(`${home}/embedded/bin/node ${home}/dist/src/client/main.js --version`),
    ).toMatch(/^push-jobs-client \d/);
  });

  test('responds through nginx after one reconfigure, with the Node.js of the package', async () => {
    expect(await machine.mustRun(`${CTL} reconfigure`)).toContain('opscode-push-jobs-server Reconfigured!');
    expect(JSON.parse(await askThroughNginx())).toMatchObject({ status: "it's alive" });
    expect(await machine.mustRun(`${CTL} status`)).toMatch(/^run: opscode-pushy-server: \(pid \d+\)/);
    expect(await machine.mustRun(`ps axo user=,args= | grep '${OUR_NODE}'`)).toMatch(
      /^opscode +\/opt\/opscode-push-jobs-server\/embedded\/bin\/node \/opt\/opscode-push-jobs-server\/dist\/src\/server\/main\.js/,
    );
    expect(await machine.mustRun(`${CTL} reconfigure`)).toContain('Nothing had to be changed.');
  });

  test('keeps its settings, its keys and its data in an upgrade', async () => {
    const incarnation = await askThroughNginx();
    const secrets = await machine.mustRun('sha256sum /etc/opscode/private-chef-secrets.json');
    await machine.mustRun(
      `echo "opscode_pushy_server['keep_alive_time'] = 20" > ${SETTINGS}/opscode-push-jobs-server.rb`,
    );
    const said = await machine.mustRun('dpkg -i /packages/opscode-push-jobs-server_*.deb');
    expect(said).toContain('You have upgraded the Push Jobs Server!');
    expect(await machine.mustRun(`${CTL} version`)).not.toContain('0.0.1');

    expect(await machine.mustRun(`${CTL} reconfigure`)).toContain(
      'restarted opscode-pushy-server; it responds',
    );
    expect(await machine.mustRun(`${CTL} show-config`)).toContain('"keep_alive_time": 20');
    expect(await machine.mustRun('sha256sum /etc/opscode/private-chef-secrets.json')).toBe(secrets);
    expect(JSON.parse(await askThroughNginx())).toMatchObject(JSON.parse(incarnation) as object);
  });

  test('keeps settings, data and logs after a removal, but no process', async () => {
    await machine.mustRun('dpkg -r opscode-push-jobs-server');
    expect((await machine.run(`pgrep --full '${OUR_NODE}'`)).output).toBe('');
    expect((await machine.run(`curl --silent --insecure --fail ${STATUS}`)).code).not.toBe(0);
    expect((await machine.run('ls /opt/opscode-push-jobs-server')).code).not.toBe(0);
    expect(await machine.mustRun('ls /opt/opscode/service')).toBe('nginx\n');
    expect((await machine.run('command -v opscode-push-jobs-server-ctl push-jobs-server-ctl')).output).toBe(
      '',
    );
    await machine.mustRun(`ls ${SETTINGS}/opscode-push-jobs-server.rb ${DATA}/etc ${LOGS}/current`);
  });

  test('uses what a removal kept, and a purge removes all of it', async () => {
    await machine.mustRun('dpkg -i /packages/opscode-push-jobs-server_*.deb');
    await machine.mustRun(`${CTL} reconfigure`);
    await askThroughNginx();
    await machine.mustRun('dpkg -P opscode-push-jobs-server');
    expect(
      (await machine.run(`ls -d ${SETTINGS} ${DATA} ${LOGS} /opt/opscode-push-jobs-server 2> /dev/null`))
        .output,
    ).toBe('');
  });

  test('is installed, upgraded and removed as an .rpm too', async () => {
    // On Debian, rpm does not know which libraries are installed.
    const rpm = 'rpm --nodeps --force-debian';
    expect(await machine.mustRun(`${rpm} -i /packages/opscode-push-jobs-server-*.rpm`)).toContain(
      'Thank you for installing',
    );
    expect(await machine.mustRun(`${CTL} reconfigure`)).toContain('Reconfigured!');
    await askThroughNginx();
    expect(
      await machine.mustRun(`${rpm} -U --replacepkgs /packages/opscode-push-jobs-server-*.rpm`),
    ).toContain('You have upgraded');
    expect(await machine.mustRun(`${CTL} status`)).toContain('run: opscode-pushy-server');
    await machine.mustRun(`${rpm} -e opscode-push-jobs-server`);
    expect((await machine.run(`pgrep --full '${OUR_NODE}'`)).output).toBe('');
    expect((await machine.run(`command -v ${CTL}`)).code).not.toBe(0);
    await machine.mustRun(`ls ${DATA}/etc`);
  });
});

describe('the client on a node', () => {
  let machine: ThrowAwayMachine;
  beforeAll(async () => (machine = await ThrowAwayMachine.start(packages.folder)));
  afterAll(() => machine.stop());

  test('is installed under its names, with a unit that systemd accepts', async () => {
    expect(await machine.mustRun('dpkg -i /packages/push-jobs-client_*.deb')).toContain(
      'Thank you for installing the Push Jobs client!',
    );
    expect(await machine.mustRun('push-jobs-client --version')).toMatch(/^push-jobs-client \d/);
    expect(await machine.mustRun('print_execution_environment one')).toContain('arguments: ["one"]');
    expect(await machine.mustRun('systemd-analyze verify --man=no push-jobs-client.service')).toBe('');
    expect(await machine.mustRun('logrotate --debug /etc/logrotate.d/push-jobs-client 2>&1')).not.toContain(
      'error',
    );
  });

  test('runs under runit with the scripts of the package', async () => {
    await machine.mustRun(`cp -r /opt/push-jobs-client/runit /etc/sv/push-jobs-client && mkdir -p /etc/chef
      openssl genrsa -out /etc/chef/client.pem 2048
      cat > /etc/chef/push-jobs-client.rb <<'END'
chef_server_url 'https://127.0.0.1:1/organizations/acme'
node_name 'web1'
whitelist({ 'uptime' => 'uptime' })
END
      ln -s /etc/sv/push-jobs-client /etc/service/push-jobs-client
      setsid runsvdir -P /etc/service > /dev/null 2>&1 < /dev/null &`);
    await eventually(
      async () =>
        (await machine.run('grep "push-jobs-client starts" /var/log/push-jobs-client/current')).code === 0,
      { withinMs: 40_000 },
    );
  });

  test('is stopped and removed by a purge, except its settings', async () => {
    await machine.mustRun('dpkg -P push-jobs-client');
    expect((await machine.run(`pgrep --full '${OUR_NODE}'`)).output).toBe('');
    expect(
      (
        await machine.run(
          'ls -d /opt/push-jobs-client /var/log/push-jobs-client /usr/bin/push-apply /etc/logrotate.d/push-jobs-client 2> /dev/null',
        )
      ).output,
    ).toBe('');
    await machine.mustRun('ls /etc/chef/push-jobs-client.rb');
  });
});

describe('the command line on a workstation', () => {
  let machine: ThrowAwayMachine;
  beforeAll(async () => (machine = await ThrowAwayMachine.start(packages.folder)));
  afterAll(() => machine.stop());

  test('is installed under its name, says what to do next, and has bash completion', async () => {
    expect(await machine.mustRun('dpkg -i /packages/push-jobs_*.deb')).toContain('push-jobs config check\n');
    expect(await machine.mustRun('push-jobs --version')).toMatch(/^\d+\.\d+\.\d+/);
    const { code, output } = await machine.run('push-jobs config check');
    expect(code).toBe(1);
    expect(output).toContain('.chef/credentials');
    expect(
      await machine.mustRun(
        `bash -c 'source /usr/share/bash-completion/completions/push-jobs && complete -p push-jobs'`,
      ),
    ).toContain('-F _push_jobs push-jobs');
  });

  test('leaves nothing behind after a removal', async () => {
    await machine.mustRun('dpkg -r push-jobs');
    expect((await machine.run('ls -d /opt/push-jobs /usr/bin/push-jobs 2> /dev/null')).output).toBe('');
  });
});
