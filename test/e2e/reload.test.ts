import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerConfig } from '../../src/server/config/server-config.js';
import { eventually } from '../support/eventually.js';
import { endRun, startRun, voteYes } from '../support/play-job.js';
import { type LoggedLine, ServerProcess } from '../support/server-process.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';

/** The number of HUP. */
const SIGHUP = 1;

const TAKEN_OVER = 'read the settings again: these changes take effect now';
const NOTHING = 'read the settings again: nothing to take over';
const REFUSED = 'the settings are not right; nothing was changed';
const AT_RESTART = 'these changes take effect when the server is started again';

let running: ServerProcess;
let server: ServerUnderTest;
let web1: SimulatedNode;

beforeAll(async () => {
  server = await ServerUnderTest.start(
    { heartbeat_interval: 500 },
    async (config, secrets) => (running = await ServerProcess.start(config, secrets)),
  );
  web1 = await server.availableNode('web1');
});
afterAll(() => server.close());

/** Writes these settings, sends a HUP, and waits for the line that tells what came of it. */
const hangUp = async (settings: Partial<ServerConfig> | string, msg: string): Promise<LoggedLine> => {
  const before = running.logged.length;
  running.writeSettings(typeof settings === 'string' ? settings : { ...server.config, ...settings });
  running.signal('SIGHUP');
  return eventually(() => running.logged.slice(before).find((line) => line.msg === msg));
};

describe('a server that gets a HUP', () => {
  it('takes new settings over while a job runs, and tells which', async () => {
    const id = await server.startJob({ nodes: ['web1'] });
    await voteYes(web1, id);
    await startRun(web1, id);
    const line = await hangUp(
      { default_running_timeout: 77, status_hides_job_ids: true, log_level: 'debug' },
      TAKEN_OVER,
    );
    expect(line.changed).toEqual({
      default_running_timeout: { from: 3600, to: 77 },
      status_hides_job_ids: { from: false, to: true },
      log_level: { from: 'info', to: 'debug' },
    });

    expect((await server.job(id)).run_timeout).toBe(3600);
    const status = await fetch(server.url('/pushy/_status'));
    expect(await status.json()).toMatchObject({ job_processes: [] });
    await endRun(web1, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
    const next = await server.startJob({ nodes: ['web1'] });
    expect((await server.job(next)).run_timeout).toBe(77);
    await voteYes(web1, next);
    await web1.sendFrames('not', 'a', 'message');
    await eventually(() => running.logged.some(({ msg }) => msg === 'dropped what came'));
    await startRun(web1, next);
    await endRun(web1, next);
    await server.jobBecomes(next, 'complete');
    await hangUp({}, TAKEN_OVER);
  });

  it('counts down the new voting timeout from the next job on', async () => {
    await hangUp({ voting_timeout: 0.3 }, TAKEN_OVER);
    const id = await server.startJob({ nodes: ['web1'] });
    await web1.expectCommand('commit');
    expect((await server.jobBecomes(id, 'quorum_failed')).nodes).toEqual({ unavailable: ['web1'] });
    await web1.expectCommand('abort');
    await web1.sendJobMessage('aborted', null);
    await hangUp({}, TAKEN_OVER);
    await server.nodeBecomes('web1', 'available');
  });

  it('names the settings that need a restart, and goes on with those that it has', async () => {
    const settings = { api_port: 1, ha: true, database: { ...server.config.database, host: 'elsewhere' } };
    const line = await hangUp(settings, AT_RESTART);
    expect(line).toMatchObject({ level: 'warn', settings: ['api_port', 'database', 'ha'], secrets: [] });
    expect((await server.get('jobs')).status).toBe(200);
    await hangUp({}, NOTHING);
  });

  it('changes nothing where the file is not right, and says what is wrong', async () => {
    const wrong = JSON.stringify({ ...server.config, voting_timeout: -1, status_hides_job_ids: true, x: 1 });
    const { level, reason } = await hangUp(wrong, REFUSED);
    expect(level).toBe('error');
    expect(reason).toMatch(/config\.json is not right/);
    expect(reason).toContain('voting_timeout');
    expect(reason).toContain('"x"');
    expect((await hangUp('{ "voting_timeout": ', REFUSED)).reason).toContain('is not JSON');
    await hangUp({}, NOTHING);
  });

  it("takes a new key of the Chef Server's superuser over, and shows neither", async () => {
    const key = await server.chef.rotateKey({ name: 'pivotal' });
    expect((await server.get('jobs')).status).toBe(403); // nobody's groups can be seen
    running.writeSecrets({ ...server.secrets, superuser_key: 'no key' });
    expect((await hangUp({}, REFUSED)).reason).toContain('superuser_key');
    running.writeSecrets({ ...server.secrets, superuser_key: key, session_seal_key: 'AAAA' });
    expect(await hangUp({}, TAKEN_OVER)).toMatchObject({ changed: {}, secrets: ['superuser_key'] });
    await eventually(() =>
      running.logged.some(({ secrets }) => JSON.stringify(secrets) === '["session_seal_key"]'),
    );
    await eventually(async () => (await server.get('jobs')).status === 200); // it signs anew each second
    expect(JSON.stringify(running.logged)).not.toContain('PRIVATE KEY');
  });

  it('is not harmed by one that comes while it starts, nor by many, nor while it stops', async () => {
    await running.stop();
    const starting = ServerProcess.spawn(server.config, server.secrets);
    await eventually(() => starting.handlesSignal(SIGHUP), { everyMs: 1 });
    expect(starting.logged).toEqual([]);
    starting.signal('SIGHUP');
    await eventually(() => {
      starting.signal('SIGHUP');
      return starting.logged.some(({ msg }) => msg === 'push-jobs-server is up');
    });
    for (const signal of ['SIGHUP', 'SIGHUP', 'SIGTERM', 'SIGHUP'] as const) starting.signal(signal);
    expect(await starting.exit).toBe(0);
    expect(starting.loggedErrors).toEqual([]);
    expect(starting.stderr).toBe('');
  });
});
