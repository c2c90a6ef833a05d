import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChefMachine } from '../../support/chef-machine.js';
import { eventually } from '../../support/eventually.js';

let machine: ChefMachine;
/** Folder for temporary files, including those of the programs. */
let temporary: string;
const { TMPDIR } = process.env;

beforeAll(async () => {
  machine = await ChefMachine.start();
  machine.configure();
  expect(await machine.ctl('reconfigure')).toMatchObject({ code: 0, stderr: '' });
  temporary = mkdtempSync(join(tmpdir(), 'push-jobs-temporary-'));
  process.env.TMPDIR = temporary;
});
afterAll(async () => {
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  rmSync(temporary, { recursive: true, force: true });
  await machine.close();
});

const answers = (): Promise<unknown> =>
  eventually(async () => (await machine.get('/pushy/_status')).status === 200, { withinMs: 40_000 });
const admins = (): readonly string[] =>
  machine.chef.state.organizations.get('smoke')?.groups.get('admins')?.clients ?? [];

/** Expects that the smoke test left no client, no group member and no folder with a key. */
const expectNothingLeft = (): void => {
  expect([...(machine.chef.state.organizations.get('smoke')?.clients.keys() ?? [])]).not.toContainEqual(
    expect.stringMatching(/^push-jobs-test-/),
  );
  expect(admins()).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
};

describe('the smoke test', () => {
  it('skips the job if the Chef Server has no organization', async () => {
    const { code, stdout } = await machine.ctl('test');
    expect(stdout).toMatch(/^ok {6}the server responds at the address of the Chef Server$/m);
    expect(stdout).toMatch(/^ok {6}nodes reach the server at 127.0.0.1, ports \d+ and \d+$/m);
    expect(stdout).toMatch(/^skipped: a job \(the Chef Server has no organization yet/m);
    expect(code).toBe(0);
  });

  it('runs a whole job through nginx in the only organization, with a temporary client', async () => {
    machine.chef.createOrganization('smoke');
    const { code, stdout } = await machine.ctl('test');
    expect(stdout).toMatch(
      /^ok {6}a job on a throw-away node in smoke votes, runs and delivers its output and events$/m,
    );
    expect(code).toBe(0);
    expectNothingLeft();
  });

  it('asks for the organization of the job if there are several', async () => {
    machine.chef.createOrganization('other');
    const { code, stdout } = await machine.ctl('test');
    expect(stdout).toMatch(
      /^skipped: a job \(.*several organizations: choose one with --org, for example --org other\)$/m,
    );
    expect(code).toBe(0);
    expect(await machine.ctl('test', '--org', 'nowhere')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /the Chef Server has no organization 'nowhere'; it has other, smoke/,
      ) as string,
    });
  });

  it('uses a given user and client instead of a temporary one', async () => {
    const user = await machine.chef.createUser('alice', { orgs: ['smoke'], admin: true });
    const node = await machine.chef.createClient('smoke', 'web1');
    const keys = [
      machine.write('/work/alice.pem', user, 0o600),
      machine.write('/work/node.pem', node, 0o600),
    ] as const;
    const asked = machine.chef.requests.length;
    const { code, stdout } = await machine.ctl(
      ...['test', '--org', 'smoke', '--user', 'alice', '--key', keys[0]],
      ...['--node', 'web1', '--node-key', keys[1]],
    );
    expect(stdout).toMatch(
      /^ok {6}a job on the node web1 in smoke votes, runs and delivers its output and events$/m,
    );
    expect(code).toBe(0);
    const changes = machine.chef.requests.slice(asked).filter(({ method }) => method !== 'GET');
    expect(changes).toEqual([]);
  }, 60_000);

  it('removes its client if the node ends during the test, and shows the last output of the node', async () => {
    const client = machine.write('/work/dies.mjs', 'console.log("cannot go on"); process.exit(3)');
    const { code, stdout } = await machine.ctlWith(
      { installed: { ...machine.installed, client } },
      ...['test', '--org', 'smoke'],
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAILED {2}a job on .*: the throw-away node ended by itself: cannot go on$/m);
    expectNothingLeft();
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('removes its client after %s', async (signal) => {
    const running = machine.ctlProcess('test', '--org', 'smoke');
    await eventually(() => admins().some((name) => name.startsWith('push-jobs-test-')));
    running.child.kill(signal);
    const { code, stdout } = await running.ended;
    expect(stdout).toMatch(new RegExp(`^FAILED {2}a job on .*: interrupted: got ${signal}$`, 'm'));
    expect(code).toBe(1);
    expectNothingLeft();
  });

  it('removes its client if nobody reads its output any more', async () => {
    let goOn = (): void => undefined;
    const until = new Promise<void>((resolve) => (goOn = resolve));
    machine.chef.faults.add({ on: /organizations\/smoke$/, until, times: 1 }); // fetched before the client is created
    const asked = machine.chef.requests.length;
    const running = machine.ctlProcess('test', '--org', 'smoke');
    await eventually(() =>
      machine.chef.requests.slice(asked).some(({ target }) => target.endsWith('/smoke')),
    );
    running.child.stdout.destroy();
    goOn();
    expect(await running.ended).toMatchObject({ code: 1 });
    expect(machine.chef.requests.slice(asked).map(({ method }) => method)).toContain('DELETE');
    expectNothingLeft();
  });

  it('fails if the server is down, and creates nothing on the Chef Server', async () => {
    await machine.ctl('stop');
    const asked = machine.chef.requests.length;
    const { code, stdout } = await machine.ctl('test', '--org', 'smoke');
    await machine.ctl('start');
    await answers();
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAILED {2}the server responds: /m);
    expect(stdout).toMatch(
      /^FAILED {2}nodes reach the server at .*: cannot connect to 127\.0\.0\.1:\d+ and /m,
    );
    expect(stdout).toMatch(/^skipped: a job$/m);
    expect(machine.chef.requests.slice(asked).filter(({ method }) => method === 'POST')).toEqual([]);
  });
});
