import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runProgram, type RunProgram } from '../../../ctl/lib/run-program.js';
import { OUR_DOWN_FILE } from '../../../ctl/lib/services/runit-scripts.js';
import type { ServiceDefinition } from '../../../ctl/lib/services/service-supervisor.js';
import { logrotateConfig, unitFile } from '../../../ctl/lib/services/systemd-files.js';
import { DevChefServer } from '../../dev-chef-server/dev-chef-server.js';
import { CtlUnderTest } from '../../support/ctl-under-test.js';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';

const ELSEWHERE = '/var/log/push-jobs-elsewhere';
const SERVER = fileURLToPath(new URL('../../../dist/src/server/main.js', import.meta.url));

/** A double of `getent` that gives the service user the user id of this process. */
const withServiceUser: RunProgram = (program, args, options) => {
  const { uid, gid } = userInfo();
  return program === 'getent'
    ? Promise.resolve({ code: 0, stdout: `${args[1]!}:x:${uid}:${gid}::/:/bin/false\n`, stderr: '' })
    : runProgram(program, args, options);
};

describe('reconfigure on a machine without a Chef Server', () => {
  let under: CtlUnderTest;
  let chef: DevChefServer;
  let database: TestDatabase;
  let runsvdir: ReturnType<typeof spawn>;
  let role: string;
  let passwordFile: string;
  let settings: string;

  /** A Node.js that appends a line to `starts` at each start of the service. */
  const bin = mkdtempSync(join(tmpdir(), 'push-jobs-node-'));
  const node = join(bin, 'node');
  const starts = (): number => readFileSync(join(bin, 'starts'), 'utf8').trim().split('\n').length;
  const rereadings = (): number => {
    const log = readFileSync(under.path('/var/log/opscode-push-jobs-server/current'), 'utf8');
    return log.split('"msg":"reloaded the settings').length - 1;
  };

  beforeAll(async () => {
    [chef, database] = await Promise.all([DevChefServer.start(), createEmptyDatabase()]);
    role = `owner_of_${database.config.database_name}`;
    writeFileSync(node, `#!/bin/sh\necho start >> '${bin}/starts'\nexec '${process.execPath}' "$@"\n`, {
      mode: 0o755,
    });
    under = new CtlUnderTest({
      run: withServiceUser,
      installed: { node, server: SERVER, client: '/nowhere/client.js', version: '1.2.3' },
    });
    mkdirSync(under.path('/etc/service'), { recursive: true });
    runsvdir = spawn('runsvdir', ['-P', under.path('/etc/service')], { stdio: 'ignore' });
    under.write('/etc/opscode/pivotal.pem', chef.superuserKey!, 0o600);
    passwordFile = under.write('/work/password', `${database.password}\n`, 0o600);
    settings = `opscode_pushy_server['api_port'] = ${await freePort()}
opscode_pushy_server['command_port'] = ${await freePort()}
opscode_pushy_server['server_heartbeat_port'] = ${await freePort()}
opscode_pushy_server['zeromq_listen_address'] = 'tcp://127.0.0.1'
opscode_pushy_server['server_name_advertised'] = '127.0.0.1'
postgresql['vip'] = '${database.config.host}'
postgresql['port'] = ${database.config.port}
postgresql['db_superuser'] = '${database.config.sql_user}'
postgresql['database_name'] = '${database.config.database_name}_new'
postgresql['sql_user'] = '${role}'
postgresql['sql_ro_user'] = '${role}_ro'
chef_server['root_url'] = '${chef.url}'
`;
    under.writeSettings(settings);
  });
  afterAll(async () => {
    runsvdir.kill('SIGHUP');
    await once(runsvdir, 'exit');
    await chef.stop();
    await database.sqlOfServer(`DROP DATABASE IF EXISTS ${database.config.database_name}_new WITH (FORCE)`);
    await database.drop();
    await database.sqlOfServer(`DROP ROLE IF EXISTS ${role}`);
    await database.sqlOfServer(`DROP ROLE IF EXISTS ${role}_ro`);
    under.remove();
    rmSync(bin, { recursive: true });
  });

  it('asks for the password of the superuser, and says how to give it', async () => {
    const { code, stderr } = await under.run('reconfigure');
    expect(code).toBe(1);
    expect(stderr).toMatch(/The step "database" failed: .* --db-superuser-password-file FILE/);
  });

  it('says where the password of the superuser comes from if it is wrong', async () => {
    const wrong = under.write('/work/wrong-password', 'guessed\n', 0o600);
    const { code, stderr } = await under.run('reconfigure', '--db-superuser-password-file', wrong);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /password authentication failed.*; check the password of db_superuser: in the file/,
    );
    expect(stderr).not.toContain('guessed');
  });

  it('shows with the password what it would create, and creates nothing', async () => {
    const { code, stdout } = await under.run(
      'upgrade',
      '--check',
      '--db-superuser-password-file',
      passwordFile,
    );
    expect(code).toBe(0);
    for (const line of [
      `created the role ${role}`,
      `created the role ${role}_ro`,
      `created the database ${database.config.database_name}_new`,
      'migrated the database: TakeOverOrCreate1784000000000',
      `allowed ${role}_ro to read all tables`,
    ]) {
      expect(stdout).toContain(`    - ${line}\n`);
    }
    expect(await database.sqlOfServer(`SELECT 1 FROM pg_roles WHERE rolname LIKE '${role}%'`)).toEqual([]);
  });

  it('creates roles and database with the password and continues', async () => {
    const { code, stdout, stderr } = await under.run(
      'reconfigure',
      '--db-superuser-password-file',
      passwordFile,
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('[1/8] secrets: up to date');
    expect(stdout).toContain(`created the database ${database.config.database_name}_new`);
    expect(stdout).toContain('enabled opscode-pushy-server with runit');
    expect(stdout).toContain('- started opscode-pushy-server; it responds');
    expect(stdout).toContain('[4/8] nginx route: up to date');
  });

  it('starts the service once, and enables it for the next boot', () => {
    expect(starts()).toBe(1);
    expect(existsSync(under.path('/etc/sv/opscode-pushy-server/down'))).toBe(false);
  });

  it('needs the password only once, and changes nothing the second time', async () => {
    expect((await under.run('reconfigure')).stdout).toContain('Nothing had to be changed.');
    expect([starts(), rereadings()]).toEqual([1, 0]);
  });

  it('sends one HUP if that is enough, otherwise restarts once', async () => {
    under.writeSettings(`${settings}opscode_pushy_server['voting_timeout'] = 33\n`);
    expect((await under.run('reconfigure')).stdout).toContain('read its settings again');
    await eventually(() => rereadings() === 1);
    expect(starts()).toBe(1);
    under.writeSettings(`${settings}opscode_pushy_server['heartbeat_interval'] = 7000\n`);
    expect((await under.run('reconfigure')).stdout).toContain(
      '- restarted opscode-pushy-server; it responds',
    );
    expect([starts(), rereadings()]).toEqual([2, 1]);
  });

  it('makes the second of two runs wait, which then has nothing to change', async () => {
    under.writeSettings(`${settings}opscode_pushy_server['log_directory'] = '${ELSEWHERE}'\n`);
    const before = starts();
    const both = await Promise.all([under.run('reconfigure'), under.run('reconfigure')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.map(({ stderr }) => stderr).join('')).toBe(
      `process ${process.pid} (reconfigure) is changing this machine; reconfigure waits for it, at most 5 minutes\n`,
    );
    const waited = both.find(({ stderr }) => stderr !== '');
    const worked = both.find(({ stderr }) => stderr === '');
    expect(waited?.stdout).toContain('Nothing had to be changed.');
    expect(worked?.stdout).toContain(`- restarted the logger, which writes to ${under.path(ELSEWHERE)}\n`);
    expect(starts()).toBe(before + 1);
  });

  it('writes its log to the configured folder from then on', () => {
    expect(readFileSync(under.path(`${ELSEWHERE}/current`), 'utf8')).toContain('push-jobs-server is up');
  });

  it('makes up for a run that was killed before the start, and keeps the down file of an administrator', async () => {
    const down = under.write('/etc/sv/opscode-pushy-server/down', OUR_DOWN_FILE);
    expect(await under.run('reconfigure')).toMatchObject({ code: 0 });
    expect(existsSync(down)).toBe(false);
    under.write('/etc/sv/opscode-pushy-server/down', 'not at boot\n');
    expect(await under.run('reconfigure')).toMatchObject({ code: 0 });
    expect(existsSync(down)).toBe(true);
    rmSync(down);
  });

  it('keeps its secrets in a file of its own', () => {
    const file = under.path('/etc/opscode-push-jobs-server/private-secrets.json');
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  });

  it('is healthy', async () => {
    expect(await under.run('status')).toMatchObject({ code: 0 });
    expect((await under.run('doctor')).stdout).toContain('Nothing is wrong.');
  });
});

describe('the files for systemd and logrotate', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'push-jobs-unit-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const definition = (command: string[]): ServiceDefinition => ({
    command,
    userName: userInfo().username,
    switchTo: undefined,
    logs: folder,
    logRotation: { file_maxbytes: 1, num_to_keep: 1 },
  });

  it('have a unit that systemd accepts', () => {
    const file = join(folder, 'opscode-pushy-server.service');
    const text = unitFile(definition([process.execPath, SERVER, '--config', '/var/opt/a b/100%/$HOME.json']));
    writeFileSync(file, text);
    const said = execFileSync('sh', ['-c', `systemd-analyze verify "$1" 2>&1`, 'sh', file], {
      encoding: 'utf8',
    });
    expect(said.split('\n').filter((line) => line.includes('opscode-pushy-server'))).toEqual([]);
    expect(text).toContain('"/var/opt/a b/100%%/$$HOME.json"');
  });

  it('have a log that the service user creates and logrotate truncates while the service runs', async () => {
    const log = join(folder, 'current');
    const talk = 'echo "$1"; read -r word; echo "$word" >&2';
    const [program = '', ...args] = startOf(unitFile(definition(['/bin/sh', '-c', talk, 'sh', 'a "word"'])));
    const service = spawn(program, args, { stdio: ['pipe', 'inherit', 'inherit'] });
    const ended = once(service, 'close');
    await eventually(() => existsSync(log) && readFileSync(log, 'utf8') === 'a "word"\n');
    const rotation = join(folder, 'rotation');
    writeFileSync(rotation, logrotateConfig(definition([])), { mode: 0o644 });
    execFileSync('logrotate', ['--state', join(folder, 'state'), rotation]);
    service.stdin.end('the next one\n');
    await ended;
    expect(readFileSync(join(folder, 'current.1'), 'utf8')).toBe('a "word"\n');
    expect(readFileSync(log, 'utf8')).toBe('the next one\n');
  });
});

/** Parses `ExecStart` into program and arguments, as systemd does. */
const startOf = (unit: string): string[] => {
  const line = /^ExecStart=(.*)$/m.exec(unit)?.[1] ?? '';
  return [...line.matchAll(/"((?:\\.|[^"\\])*)"/g)].map(([, quoted = '']) =>
    quoted.replaceAll(/\\(.)/g, '$1').replaceAll('%%', '%').replaceAll('$$', '$'),
  );
};
