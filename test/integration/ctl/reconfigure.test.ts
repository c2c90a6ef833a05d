import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretsDocument } from '../../../ctl/lib/secrets/secrets-document.js';
import { LeadershipLease } from '../../../src/server/persistence/leadership-lease.js';
import { connectionOf } from '../../../src/server/persistence/connection-options.js';
import type { ServerStatus } from '../../../src/shared/protocol/rest-schemas.js';
import { ChefMachine, pidIn } from '../../support/chef-machine.js';
import { eventually } from '../../support/eventually.js';
import type { CtlOutcome } from '../../support/ctl-under-test.js';

const DATA = '/var/opt/opscode-push-jobs-server';
const LOGS = '/var/log/opscode-push-jobs-server';
const CHEF_SECRETS = '/etc/opscode/private-chef-secrets.json';
const RUNNING = '/etc/opscode-push-jobs-server/opscode-push-jobs-server-running.json';
const ADD_ONS = '/var/opt/opscode/nginx/etc/addon.d';
const HELD = `SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
  WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()`;
const LEASES = `SELECT 1 FROM pg_stat_activity WHERE application_name LIKE '%lease%' AND datname = current_database()`;

/**
 * Time limit of tests that start the server several times. On a busy machine these take more than a minute. A test that
 * times out still runs, and its ctl holds the lock, so the next tests would fail too.
 */
const BUSY_MACHINE_MS = 300_000;

describe('reconfigure beside a Chef Server', () => {
  let machine: ChefMachine;
  let first: CtlOutcome;
  beforeAll(async () => {
    machine = await ChefMachine.start();
    machine.configure();
    first = await machine.ctl('reconfigure');
  });
  afterAll(() => machine.close());

  const modeOf = (absolute: string): string => (statSync(machine.path(absolute)).mode & 0o777).toString(8);
  const read = (absolute: string): string => readFileSync(machine.path(absolute), 'utf8');
  const secrets = (): SecretsDocument => SecretsDocument.parse(read(CHEF_SECRETS), CHEF_SECRETS);
  const pid = async (): Promise<string | undefined> => pidIn((await machine.ctl('status')).stdout);

  it('shows its steps and succeeds', () => {
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout.match(/^\[\d\/8\] .*$/gm)).toEqual([
      '[1/8] secrets',
      '[2/8] user and folders',
      '[3/8] database',
      '[4/8] nginx route',
      '[5/8] server configuration',
      '[6/8] service',
      '[7/8] server',
      '[8/8] running.json',
    ]);
    expect(first.stdout).toMatch(/\nopscode-push-jobs-server Reconfigured!\n$/);
  });

  it('makes the server reachable through nginx, on both routes', async () => {
    const status = await machine.get('/pushy/_status');
    expect(await status.json()).toMatchObject({ status: "it's alive" });
    const unsigned = await machine.get('/organizations/acme/pushy/jobs');
    expect([400, 401]).toContain(unsigned.status);
    expect((await machine.get('/organizations/acme')).headers.get('x-ops-server-api-version')).not.toBeNull();
  });

  it('makes secret files readable only by their owner', () => {
    expect(modeOf(DATA)).toBe('700');
    expect(modeOf(LOGS)).toBe('700');
    expect(modeOf(`${DATA}/etc/push-jobs-server.json`)).toBe('640');
    expect(modeOf(`${DATA}/etc/secrets.json`)).toBe('600');
    expect(modeOf(CHEF_SECRETS)).toBe('600');
    expect(modeOf(RUNNING)).toBe('600');
  });

  it('stores its secrets in the file of Chef Server and keeps the others', () => {
    const document = secrets();
    expect(document.names('push-jobs-server').sort()).toEqual([
      'curve_secret_key',
      'pushy_priv_key',
      'pushy_pub_key',
      'session_seal_key',
      'sql_password',
      'sql_ro_password',
    ]);
    expect(document.get('push-jobs-server', 'sql_password')).toMatch(/^[0-9a-f]{50}$/);
    expect(document.get('opscode_erchef', 'sql_password')).toBe('of somebody else');
  });

  it('shows no secret: neither on the terminal, in running.json, in the configuration nor in ps', () => {
    const document = secrets();
    const texts = [first.stdout, read(RUNNING), read(`${DATA}/etc/push-jobs-server.json`)];
    const arguments_ = readFileSync(`/proc/${pidIn(machine.svStatus()) ?? ''}/cmdline`, 'utf8');
    const environment = readFileSync(`/proc/${pidIn(machine.svStatus()) ?? ''}/environ`, 'utf8');
    for (const name of document.names('push-jobs-server')) {
      const value = document.get('push-jobs-server', name)!;
      for (const text of [...texts, arguments_, environment]) expect(text).not.toContain(value);
    }
  });

  it('writes the file that other programs of Chef Server read', () => {
    const running = JSON.parse(read(RUNNING)) as { pushy: Record<string, unknown>; run_list: string[] };
    expect(running.pushy.postgresql).toMatchObject({
      vip: machine.database.config.host,
      port: machine.database.config.port,
      sql_user: machine.role,
      sql_ro_user: `${machine.role}_ro`,
      database_name: machine.database.config.database_name,
    });
    expect(running.pushy).toHaveProperty('opscode-pushy-server.api_port', machine.ports.api);
    expect(running.run_list).toHaveLength(1);
    expect(existsSync(machine.path(`${DATA}/bootstrapped`))).toBe(true);
  });

  it('allows the read-only role to read every table and to change none', async () => {
    const password = secrets().get('push-jobs-server', 'sql_ro_password')!;
    const read = await machine.sqlAs(
      `${machine.role}_ro`,
      password,
      'SELECT count(*)::int AS n FROM node_sessions',
    );
    expect(read).toEqual([{ n: 0 }]);
    await expect(machine.sqlAs(`${machine.role}_ro`, password, 'DELETE FROM jobs')).rejects.toThrow(
      /permission denied/,
    );
  });

  it('changes nothing the second time, and reports that', async () => {
    const before = [await pid(), read(CHEF_SECRETS)];
    const second = await machine.ctl('reconfigure');
    expect(second.code).toBe(0);
    expect(second.stdout.match(/: up to date$/gm)).toHaveLength(8);
    expect(second.stdout).toContain('Nothing had to be changed.\nopscode-push-jobs-server Reconfigured!\n');
    expect([await pid(), read(CHEF_SECRETS)]).toEqual(before);
  });

  it('restarts only the server if its settings change', async () => {
    const [before, nginx] = [await pid(), pidIn(machine.svStatus('nginx'))];
    machine.configure(`opscode_pushy_server['heartbeat_interval'] = 7000`);
    const { code, stdout } = await machine.ctl('reconfigure');
    expect(code).toBe(0);
    expect(stdout).toContain('restarted opscode-pushy-server');
    expect(stdout).not.toContain('reloaded nginx');
    expect(await pid()).not.toBe(before);
    expect(pidIn(machine.svStatus('nginx'))).toBe(nginx);
  });

  it('makes the server read its settings again without a restart, if that is enough', async () => {
    const before = await pid();
    machine.configure(
      `opscode_pushy_server['heartbeat_interval'] = 7000\nopscode_pushy_server['voting_timeout'] = 33`,
    );
    const { code, stdout } = await machine.ctl('reconfigure');
    expect(code).toBe(0);
    expect(stdout).toContain('made opscode-pushy-server read its settings again');
    expect(stdout).not.toContain('restarted');
    expect(await pid()).toBe(before);
    const log = (): string => read('/var/log/opscode-push-jobs-server/current');
    await eventually(() => log().includes('"voting_timeout":{"from":60,"to":33}'));
    expect((await machine.ctl('reconfigure')).stdout).toContain('Nothing had to be changed.');
  });

  it('names the step that fails, keeps the earlier ones, and continues after the fix', async () => {
    const route = read(`${ADD_ONS}/10-push_jobs_external.conf`);
    const broken = machine.write(`${ADD_ONS}/99-of-somebody_external.conf`, 'nonsense;\n');
    machine.write(`${ADD_ONS}/10-push_jobs_external.conf`, '# an older route\n');
    machine.configure(`opscode_pushy_server['heartbeat_interval'] = 8000`);
    const failed = await machine.ctl('reconfigure');
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain('[4/8] nginx route: FAILED');
    expect(failed.stderr).toMatch(/The step "nginx route" failed: nginx does not accept .*nonsense/s);
    expect(failed.stdout).not.toContain('Reconfigured!');
    expect(read(`${ADD_ONS}/10-push_jobs_external.conf`)).toBe('# an older route\n');

    machine.removeFile(broken);
    const repaired = await machine.ctl('reconfigure');
    expect(repaired.code).toBe(0);
    expect(read(`${ADD_ONS}/10-push_jobs_external.conf`)).toBe(route);
    expect(read(`${DATA}/etc/push-jobs-server.json`)).toContain('8000');
  });

  it('makes up for a restart that an earlier run did not do', async () => {
    const before = await pid();
    machine.removeFile(machine.path(`${DATA}/etc/applied.json`)); // as if the run had ended before the restart
    const { code, stdout } = await machine.ctl('reconfigure');
    expect(code).toBe(0);
    expect(stdout).toContain('[5/8] server configuration: up to date');
    expect(stdout).toContain('restarted opscode-pushy-server');
    expect(await pid()).not.toBe(before);
  });

  it(
    'reports why the server does not start',
    async () => {
      const taken = machine.ports.nginx; // another program uses that port
      machine.configure(
        `opscode_pushy_server['api_port'] = ${taken}\nopscode_pushy_server['listen'] = '127.0.0.1'`,
      );
      const { code, stderr } = await machine.ctl('reconfigure');
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /The step "server" failed: the server ends as soon as it is started .*opscode-push-jobs-server-ctl tail/s,
      );
      machine.configure();
      expect(await machine.ctl('reconfigure')).toMatchObject({ code: 0 });
    },
    BUSY_MACHINE_MS,
  );

  it('replaces the service of an old server in another folder', async () => {
    const ours = await pid();
    machine.linkServiceToOldServer();
    const old = await eventually(
      () => [pidIn(machine.svStatus())].find((one) => one !== undefined && one !== ours),
      { withinMs: 40_000 },
    );
    const { code, stdout } = await machine.ctl('reconfigure');
    expect(code).toBe(0);
    expect(stdout).toContain("enabled opscode-pushy-server with Chef Server's runit");
    expect((await machine.get('/pushy/_status')).status).toBe(200);
    await eventually(() => !existsSync(`/proc/${old}`));
  });

  /** Checks what doctor finds on a healthy standby and on one with faults; `alive` is its status from when it was active. */
  const examineStandby = async (alive: ServerStatus): Promise<void> => {
    const well = await machine.ctl('doctor');
    expect(well.stdout).not.toMatch(/^(WRONG|WARNING)/m);
    expect(well.stdout).toMatch(
      new RegExp(`^ok {6}service: stands by: it waits for the active server, on ${hostname()}, to end`, 'm'),
    );
    expect(well.stdout).toMatch(/^ok {6}nginx: its route leads to the server on this machine/m);
    expect(well.stdout).toContain(`ok      ports: 127.0.0.1:${machine.ports.command} is free`);
    expect(well.code).toBe(0);
    const health = await machine.ctl('status');
    expect(health.stdout).toContain(`\nhealth: stands by for the active server, on ${hostname()}\n`);
    expect(health.code).toBe(0);

    // Another server responds at the public address, like the active one; nginx on this machine routes to it.
    let status = { ...alive, incarnation_id: 'of other keys' };
    const elsewhere = createHttpServer((_request, response) => response.end(JSON.stringify(status)));
    await once(elsewhere.listen(machine.ports.api, '127.0.0.1'), 'listening');
    const stranger = await machine.ctl('doctor');
    status = alive;
    const twin = await machine.ctl('doctor');
    elsewhere.close();
    expect(stranger.stdout).toMatch(
      /^WRONG {3}keys: are not those of the active server.*\n.*copy .*private-chef-secrets.json from there/m,
    );
    expect(twin.stdout).toContain('ok      keys: are those of the active server\n');
    expect(twin.stdout).toContain('ok      service: stands by');

    const forServer = `${DATA}/etc/secrets.json`;
    const kept = read(forServer);
    machine.removeFile(machine.path(forServer));
    const inTheWay = createServer().listen(machine.ports.command, '127.0.0.1');
    await once(inTheWay, 'listening');
    const faulty = await machine.ctl('doctor');
    inTheWay.close();
    machine.write(forServer, kept, 0o600);
    expect(faulty.stdout).toMatch(/^WRONG {3}secrets: .*secrets.json is missing/m);
    expect(faulty.stdout).toContain(`another program listens on 127.0.0.1:${machine.ports.command}`);
    expect(faulty.stdout).toContain('\nWrong: 2\n');

    await machine.database.sqlOfServer(`ALTER ROLE ${machine.role} PASSWORD 'another'`);
    const refused = await machine.ctl('doctor');
    const password = secrets().get('push-jobs-server', 'sql_password')!;
    await machine.database.sqlOfServer(`ALTER ROLE ${machine.role} PASSWORD '${password}'`);
    expect(refused.stdout).toMatch(/^WRONG {3}database: .*password/m);
    expect(refused.stdout).toMatch(/^WARNING service: .* whether it stands by is unknown/m);
    expect(refused.stdout).toContain('\nWrong: 1\n');
  };

  /** Rotates keys on a standby; the active server, which is not restarted, still has the old ones. */
  const rotateOnStandby = async (alive: ServerStatus): Promise<void> => {
    const rotation = await machine.ctl('rotate-keys');
    expect(rotation).toMatchObject({ code: 0, stderr: '' });
    expect(rotation.stdout).toContain(
      `This server stands by with the new keys; the active one, on ${hostname()}, has`,
    );
    const elsewhere = createHttpServer((_request, response) => response.end(JSON.stringify(alive)));
    await once(elsewhere.listen(machine.ports.api, '127.0.0.1'), 'listening');
    const rotated = await machine.ctl('doctor');
    elsewhere.close();
    expect(rotated.stdout).toMatch(
      /^WARNING keys: .*the active server lacks the new ones\n.*copy .*private-chef-secrets.json from this machine/m,
    );
  };

  it(
    'succeeds if the server is a standby, which doctor accepts too',
    async () => {
      const alive = (await (await machine.get('/pushy/_status')).json()) as ServerStatus;
      await machine.ctl('stop');
      const connection = connectionOf(machine.database.config, machine.database.password);
      const other = await LeadershipLease.acquire(connection, pino({ level: 'silent' }), () => undefined);
      try {
        machine.configure(`opscode_pushy_server['ha'] = true`);
        const { code, stdout } = await machine.ctl('reconfigure');
        expect(stdout).toContain('started opscode-pushy-server; it stands by for the active server');
        expect(code).toBe(0);
        await examineStandby(alive);
        await rotateOnStandby(alive);
      } finally {
        await other.release();
      }
      await eventually(async () => (await machine.database.sql(HELD)).length === 1);
      const active = await machine.ctl('doctor'); // the new active server needs some seconds to respond
      expect(active.stdout).toMatch(/^ok {6}service: is ready$/m);
      expect(active.stdout).toMatch(/^ok {6}ports: .* accepts connections$/m);
      expect(active.code).toBe(0);

      const waiting = LeadershipLease.acquire(connection, pino({ level: 'silent' }), () => undefined);
      await eventually(async () => (await machine.database.sql(LEASES)).length === 2);
      const refused = await machine.ctl('rotate-keys', '--now');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(`the standby on ${hostname()} takes over without the new keys`);
      machine.configure();
      expect(await machine.ctl('reconfigure')).toMatchObject({ code: 0 });
      await (await waiting).release();
    },
    BUSY_MACHINE_MS,
  );

  it('removes the service if it is disabled, and installs it again', async () => {
    machine.configure(`opscode_pushy_server['enable'] = false`);
    expect(await machine.ctl('reconfigure')).toMatchObject({ code: 0 });
    expect(await machine.ctl('status')).toMatchObject({ code: 4 });
    expect((await machine.get('/pushy/_status')).status).toBe(400); // from the Chef Server, because the request has no signature
    expect(await machine.ctl('doctor')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ok {6}nginx: it has no route/m) as string,
    });
    expect((await machine.ctl('reconfigure')).stdout).toContain('Nothing had to be changed.');
    machine.configure();
    expect(await machine.ctl('reconfigure')).toMatchObject({ code: 0 });
    expect((await machine.get('/pushy/_status')).status).toBe(200);
  });
});
