import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretsDocument } from '../../../ctl/lib/secrets/secrets-document.js';
import { ChefMachine, pidIn } from '../../support/chef-machine.js';
import type { CtlOutcome } from '../../support/ctl-under-test.js';
import { eventually } from '../../support/eventually.js';

const NAME = 'opscode-pushy-server';
const CHEF_SECRETS = '/etc/opscode/private-chef-secrets.json';
const SERVER_SECRETS = '/var/opt/opscode-push-jobs-server/etc/secrets.json';
const RUNNING = '/etc/opscode-push-jobs-server/opscode-push-jobs-server-running.json';

let machine: ChefMachine;
beforeAll(async () => {
  machine = await ChefMachine.start();
  machine.configure();
  expect(await machine.ctl('reconfigure')).toMatchObject({ code: 0, stderr: '' });
});
afterAll(() => machine.close());

const answers = (): Promise<unknown> =>
  eventually(async () => (await machine.get('/pushy/_status')).status === 200, { withinMs: 40_000 });
const secrets = (): SecretsDocument =>
  SecretsDocument.parse(readFileSync(machine.path(CHEF_SECRETS), 'utf8'), CHEF_SECRETS);
const secret = (name: string): string | undefined => secrets().get('push-jobs-server', name);
const KEYS = ['pushy_priv_key', 'curve_secret_key'];
const names = (): string[] => secrets().names('push-jobs-server');
const previousNames = (): string[] => names().filter((name) => name.startsWith('previous'));

describe('the service commands', () => {
  it('show the state as runit does', async () => {
    const { code, stdout } = await machine.ctl('status');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^run: ${NAME}: \\(pid \\d+\\) \\d+s; run: log: \\(pid \\d+\\) \\d+s\\nhealth: ready\\n$`),
    );
  });

  it('show the service to chef-server-ctl through its link in init', () => {
    const init = machine.path(`/opt/opscode/init/${NAME}`);
    const out = execFileSync(init, ['status'], {
      env: { SVDIR: machine.path('/opt/opscode/service') },
      encoding: 'utf8',
    });
    expect(out).toMatch(/^run: /);
    expect(existsSync(machine.path(`/opt/opscode/sv/${NAME}/run`))).toBe(true);
  });

  it('list the service as enabled', async () => {
    expect(await machine.ctl('service-list')).toEqual({ code: 0, stdout: `${NAME}*\n`, stderr: '' });
  });

  it('stop and start it', async () => {
    const stopped = await machine.ctl('stop', NAME);
    expect(stopped).toMatchObject({ code: 0 });
    expect(stopped.stdout).toMatch(new RegExp(`^ok: down: ${NAME}: \\d+s, normally up`));
    const down = await machine.ctl('status');
    expect(down.code).toBe(3);
    expect(down.stdout).toMatch(new RegExp(`^down: ${NAME}: \\d+s, normally up; run: log:`));
    const started = await machine.ctl('start');
    expect(started).toMatchObject({ code: 0 });
    expect(started.stdout).toMatch(new RegExp(`^ok: run: ${NAME}: \\(pid \\d+\\) \\d+s`));
    await answers();
  });

  it.each(['restart', 'term', 'kill', 'int'])('replace the process by %s', async (verb) => {
    const before = pidIn(machine.svStatus());
    expect(await machine.ctl(verb)).toMatchObject({ code: 0, stderr: '' });
    await eventually(() => !['', before].includes(pidIn(machine.svStatus()) ?? ''), { withinMs: 40_000 });
    await answers();
  });

  it('make it read its settings again with hup, in the same process', async () => {
    const log = (): string => readFileSync(machine.path('/var/log/opscode-push-jobs-server/current'), 'utf8');
    const before = pidIn(machine.svStatus());
    expect(await machine.ctl('hup')).toMatchObject({ code: 0, stderr: '' });
    await eventually(() => log().includes('reloaded the settings'));
    expect(pidIn(machine.svStatus())).toBe(before);
  });

  it('send it a USR1 and a USR2, after which it neither opens a debugger nor ends', async () => {
    const log = (): string => readFileSync(machine.path('/var/log/opscode-push-jobs-server/current'), 'utf8');
    const before = pidIn(machine.svStatus());
    for (const signal of ['usr1', 'usr2']) {
      expect(await machine.ctl(signal)).toMatchObject({ code: 0 });
      await eventually(() => log().includes(`"signal":"SIG${signal.toUpperCase()}"`));
    }
    expect(log()).not.toContain('Debugger listening');
    expect(pidIn(machine.svStatus())).toBe(before);
  });

  it('run it once, so that it stays down after it ends', async () => {
    expect(await machine.ctl('once')).toMatchObject({ code: 0 });
    expect(await machine.ctl('kill')).toMatchObject({ code: 0 });
    await eventually(async () => (await machine.ctl('status')).code === 3);
    expect(await machine.ctl('start')).toMatchObject({ code: 0 });
    await answers();
  });

  it('end it gracefully, or otherwise by force', async () => {
    const { code, stdout } = await machine.ctl('graceful-kill');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok: down: /);
    expect(await machine.ctl('start')).toMatchObject({ code: 0 });
    await answers();
  });

  it('report a timeout if the process does not end in time', async () => {
    const deaf = '#!/bin/sh\ntrap "" TERM\nwhile :; do sleep 0.1; done\n';
    machine.write(`/opt/opscode/sv/${NAME}/run`, deaf, 0o755);
    expect(await machine.ctl('restart')).toMatchObject({ code: 0 });
    const { code, stdout } = await machine.ctl('stop');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^timeout: run: /);
    expect(await machine.ctl('kill')).toMatchObject({ code: 0 });
    await eventually(async () => (await machine.ctl('status')).code === 3);
    expect(await machine.ctl('reconfigure')).toMatchObject({ code: 0 });
  });
});

describe('the keys', () => {
  it('are not replaced without --force', async () => {
    const before = secret('pushy_priv_key');
    const { code, stderr } = await machine.ctl('generate-keys');
    expect(code).toBe(1);
    expect(stderr).toMatch(/already has pushy_priv_key, curve_secret_key; nothing was changed/);
    expect(secret('pushy_priv_key')).toBe(before);
  });

  it('are replaced one by one', async () => {
    const before = [secret('pushy_priv_key'), secret('curve_secret_key')];
    expect(await machine.ctl('generate-keys', '--curve', '--force')).toMatchObject({ code: 0 });
    expect(secret('pushy_priv_key')).toBe(before[0]);
    expect(secret('curve_secret_key')).not.toBe(before[1]);
    expect(await machine.ctl('reconfigure')).toMatchObject({ code: 0 });
  });

  it('are no longer accepted at once after rotate-keys --now', async () => {
    const before = KEYS.map(secret);
    machine.configure(`opscode_pushy_server['ha'] = true`);
    const { code, stdout } = await machine.ctl('rotate-keys', '--now');
    machine.configure();
    expect(code).toBe(0);
    expect(stdout).toContain('The old ones are no longer accepted');
    expect(stdout).toContain(`copy ${machine.path(CHEF_SECRETS)} to the other one`);
    expect(previousNames()).toEqual([]);
    for (const [index, name] of KEYS.entries()) expect(secret(name)).not.toBe(before[index]);
  });
});

describe('rotated keys', () => {
  const identity = async (): Promise<unknown> =>
    ((await (await machine.get('/pushy/_status')).json()) as { incarnation_id: string }).incarnation_id;
  let before: { identity: unknown; keys: (string | undefined)[] };
  let rotated: CtlOutcome;
  let until: string;

  beforeAll(async () => {
    before = { identity: await identity(), keys: KEYS.map(secret) };
    rotated = await machine.ctl('rotate-keys');
    until = secret('previous_keys_valid_until') ?? '';
  });

  it('are used at once, and the old ones are accepted for the lifetime of a config and a job', async () => {
    expect(rotated).toMatchObject({ code: 0, stderr: '' });
    expect(rotated.stdout).toContain(`The old ones are also accepted until ${until} (2h).`);
    expect(await identity()).not.toBe(before.identity);
    expect(KEYS.map((name) => secret(`previous_${name}`))).toEqual(before.keys);
    for (const [index, name] of KEYS.entries()) expect(secret(name)).not.toBe(before.keys[index]);
    expect((Date.parse(until) - Date.now()) / 60_000).toBeCloseTo(120, -1);
    const forServer = readFileSync(machine.path(SERVER_SECRETS), 'utf8');
    expect(JSON.parse(forServer)).toMatchObject({ previous: { pushy_priv_key: before.keys[0] } });
  });

  it('stay the same in a reconfigure, which changes nothing', async () => {
    const { code, stdout } = await machine.ctl('reconfigure');
    expect(code).toBe(0);
    expect(stdout).toContain('Nothing had to be changed.');
  });

  it('cannot be rotated again before the grace period ends, except with --now', async () => {
    const keys = KEYS.map(secret);
    const { code, stderr } = await machine.ctl('rotate-keys', '--grace', '1h');
    expect(code).toBe(1);
    expect(stderr).toContain(`the keys before the last rotation are accepted until ${until}`);
    expect(stderr).toContain('rotate-keys --now');
    expect(KEYS.map(secret)).toEqual(keys);
  });

  it('are reported by doctor as no problem, and never shown', async () => {
    const { code, stdout } = await machine.ctl('doctor');
    expect(stdout).toMatch(
      new RegExp(`^ok {6}secrets: .* are accepted until ${until}, besides the new ones$`, 'm'),
    );
    expect(code).toBe(0);
    const settings = `${(await machine.ctl('show-config')).stdout}${readFileSync(machine.path(RUNNING), 'utf8')}`;
    expect(settings).not.toContain('previous');
    const keys = [...KEYS, ...KEYS.map((name) => `previous_${name}`)].map((name) => secret(name)!);
    for (const key of keys) expect(`${settings}${stdout}${rotated.stdout}`).not.toContain(key);
  });
});

describe('diagnosis', () => {
  it('finds nothing wrong with a healthy machine', async () => {
    const { code, stdout } = await machine.ctl('doctor');
    expect(stdout).toContain('Nothing is wrong.');
    expect(stdout).toMatch(/^ok {6}Chef Server: accepts the key of pivotal$/m);
    expect(code).toBe(0);
  });

  it('says what is wrong and how to fix it', async () => {
    await machine.ctl('stop');
    machine.write(CHEF_SECRETS, readFileSync(machine.path(CHEF_SECRETS), 'utf8'), 0o644);
    const { code, stdout } = await machine.ctl('doctor');
    machine.write(CHEF_SECRETS, readFileSync(machine.path(CHEF_SECRETS), 'utf8'), 0o600);
    await machine.ctl('start');
    await answers();
    expect(code).toBe(1);
    expect(stdout).toMatch(/^WRONG {3}secrets: .* can be read by others\n +to fix it: run: chmod 600 /m);
    expect(stdout).toMatch(
      /^WRONG {3}service: down: .*\n +to fix it: run: opscode-push-jobs-server-ctl start/m,
    );
    expect(stdout).toMatch(/^WRONG {3}nginx: .* answers 502/m);
    expect(stdout).toMatch(/^WRONG {3}ports: no program listens on /m);
  });

  it('finds that the Chef Server does not accept the key of its superuser', async () => {
    machine.chef.faults.add({ on: /users/, status: 401 });
    const { stdout } = await machine.ctl('doctor');
    machine.chef.faults.clear();
    expect(stdout).toMatch(/^WRONG {3}Chef Server: it does not accept the key of pivotal/m);
  });

  it('packs logs and settings into an archive without secrets, also during a rotation', async () => {
    expect(previousNames()).not.toEqual([]);
    const { code, stdout } = await machine.ctl('gather-logs');
    expect(code).toBe(0);
    const archive = stdout.trim();
    const folder = join(archive, '..');
    execFileSync('tar', ['-C', folder, '-xzf', archive]);
    const packed = archive.replace(/\.tar\.gz$/, '');
    const files = readdirSync(packed, { recursive: true, encoding: 'utf8' });
    expect(files).toEqual(
      expect.arrayContaining(['doctor.txt', 'machine.txt', 'settings.json', 'status.txt', 'logs/current']),
    );
    const values = names()
      .filter((name) => !/_(at|until)$/.test(name)) // when keys end is no secret
      .map((name) => secret(name)!);
    for (const file of files.filter((name) => name.includes('.') || name.endsWith('current'))) {
      const text = readFileSync(join(packed, file), 'utf8');
      for (const value of values) expect(text).not.toContain(value);
    }
  });

  it('follows only the live logs', async () => {
    machine.write('/var/log/opscode-push-jobs-server/@400000000000000000000000.s', 'rotated\n');
    const seen: string[] = [];
    await machine.tailUntil((text) => {
      seen.push(text);
      return seen.join('').includes('push-jobs-server is up');
    });
    expect(seen.join('')).not.toContain('rotated');
  });
});

describe('expired keys', () => {
  const clock = { now: () => Date.now() + 3 * 3_600_000 };

  it('are reported by doctor, and removed by reconfigure, which restarts the server without them', async () => {
    expect((await machine.ctlWith({ clock }, 'doctor')).stdout).toMatch(
      /^WARNING secrets: .* are still there\n +to fix it: run: opscode-push-jobs-server-ctl reconfigure$/m,
    );
    const { code, stdout } = await machine.ctlWith({ clock }, 'reconfigure');
    expect(code).toBe(0);
    expect(stdout).toContain('removed the keys before the last rotation');
    expect(stdout).toContain(`restarted ${NAME}`);
    expect(previousNames()).toEqual([]);
    expect(readFileSync(machine.path(SERVER_SECRETS), 'utf8')).not.toContain('previous');
  });
});

describe('while another run changes the machine', () => {
  let holder: ReturnType<ChefMachine['ctlProcess']>;
  beforeAll(async () => {
    holder = machine.ctlProcess('cleanse'); // it waits a minute for Ctrl-C
    await eventually(() => holder.stdout().includes('It begins in 60 seconds.'), { withinMs: 40_000 });
    holder.child.kill('SIGSTOP'); // so that it does not end by itself, however slow the tests are
  });
  afterAll(async () => {
    holder.child.kill('SIGKILL');
    await holder.ended;
  });

  it.each(['status', 'show-config', 'doctor', 'upgrade --check', 'hup', 'version'])(
    '%s goes on all the same',
    async (line) => {
      const { code, stderr } = await machine.ctl(...line.split(' '));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
  );

  it('commands that would also change it give up after five minutes, and name the process and what to do', async () => {
    const keys = KEYS.map(secret);
    let waitedMs = 0;
    const sleep = (ms: number): Promise<void> => {
      waitedMs += ms;
      return Promise.resolve();
    };
    const { code, stdout, stderr } = await machine.ctlWith({ sleep }, 'generate-keys', '--force');
    expect({ code, stdout, waitedMs }).toEqual({ code: 1, stdout: '', waitedMs: 300_000 });
    const who = `process ${holder.child.pid!} (cleanse)`;
    expect(stderr).toContain(
      `${who} is changing this machine; generate-keys waits for it, at most 5 minutes\n`,
    );
    expect(stderr).toContain(
      `generate-keys did nothing: ${who} has been changing this machine for 5 minutes.`,
    );
    expect(KEYS.map(secret)).toEqual(keys);
  });

  it.each(['reconfigure', 'rotate-keys', 'upgrade', 'uninstall', 'cleanse yes'])(
    '%s waits, too',
    async (line) => {
      const impatient = { sleep: () => Promise.reject(new Error('it waits')) };
      const { code, stdout, stderr } = await machine.ctlWith(impatient, ...line.split(' '));
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(`process ${holder.child.pid!} (cleanse) is changing this machine`);
    },
  );

  it('no command waits for a run that was killed', async () => {
    holder.child.kill('SIGKILL');
    await holder.ended;
    expect(await machine.ctl('reconfigure')).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('old jobs', () => {
  const jobs = async (): Promise<unknown[]> =>
    (await machine.database.sql('SELECT id FROM jobs ORDER BY id')).map(({ id }) => id);

  it('are deleted with their output if they ended long ago; others stay', async () => {
    const insert = (id: string, status: number, days: number): string =>
      `INSERT INTO jobs (id, org_id, command, status, created_at, updated_at)
       VALUES ('${id}', '${'0'.repeat(32)}', 'x', ${status}, now() - interval '${days} days', now() - interval '${days} days');`;
    const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(32));
    await machine.database.sql(
      `${insert(ids[0]!, 2, 100)} ${insert(ids[1]!, 2, 10)} ${insert(ids[2]!, 1, 100)}
       INSERT INTO job_output (job_id, node_name, stdout, stderr) VALUES ('${ids[0]!}', 'n', 'o', '')`,
    );
    const { code, stdout } = await machine.ctl('prune-jobs', '--older-than', '90d');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Deleted 1 jobs that ended before \d{4}-/);
    expect((await jobs()).filter((id) => ids.includes(String(id)))).toEqual([ids[1], ids[2]]);
    expect(await machine.database.sql(`SELECT * FROM job_output WHERE job_id = '${ids[0]!}'`)).toEqual([]);
    await machine.database.sql('DELETE FROM jobs');
  });
});

describe('at the end', () => {
  it('uninstall removes service and route and keeps the data', async () => {
    const { code, stdout } = await machine.ctl('uninstall');
    expect(code).toBe(0);
    expect(stdout).toContain('reloaded nginx');
    expect(existsSync(machine.path(`/opt/opscode/service/${NAME}`))).toBe(false);
    await eventually(async () => ![200, 502].includes((await machine.get('/pushy/_status')).status)); // Chef Server answers
    expect(secret('pushy_priv_key')).toBeDefined();
    expect(await machine.ctl('service-list')).toMatchObject({ stdout: `${NAME}\n` });
  });

  it('cleanse warns, backs the settings up and removes them', async () => {
    const key = secret('pushy_priv_key');
    const { code, stdout } = await machine.ctl('cleanse', 'yes');
    expect(code).toBe(0);
    expect(stdout).toContain('STOP AND READ');
    const [backup] = readdirSync(machine.path('/root'));
    expect(backup).toMatch(/^opscode-push-jobs-server-cleanse-/);
    const kept = readFileSync(machine.path(`/root/${backup ?? ''}/secrets.json`), 'utf8');
    expect(JSON.parse(kept)).toMatchObject({ pushy_priv_key: key });
    expect(existsSync(machine.path(`/root/${backup ?? ''}/opscode-push-jobs-server.rb`))).toBe(true);
    for (const gone of [
      '/etc/opscode-push-jobs-server',
      '/var/opt/opscode-push-jobs-server',
      '/var/log/opscode-push-jobs-server',
    ]) {
      expect(existsSync(machine.path(gone))).toBe(false);
    }
    expect(secret('pushy_priv_key')).toBeUndefined();
    expect(secrets().get('opscode_erchef', 'sql_password')).toBe('of somebody else');
  });

  it('cleanse waits a minute without "yes"', async () => {
    machine.configure();
    const waited: number[] = [];
    const interrupted = new Error('Ctrl-C');
    const { code } = await machine.ctlWith(
      {
        sleep: (ms) => {
          waited.push(ms);
          return Promise.reject(interrupted);
        },
      },
      'cleanse',
    );
    expect(waited).toEqual([60_000]);
    expect(code).toBe(1);
    expect(existsSync(machine.path('/etc/opscode-push-jobs-server'))).toBe(true);
  });
});
