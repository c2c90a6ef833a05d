import { beforeAll, describe, expect, it } from 'vitest';
import type { ServerConfig } from '../../src/server/config/server-config.js';
import { eventually } from '../support/eventually.js';
import { endRun, startRun, voteYes } from '../support/node-steps.js';
import { type LoggedLine, ServerProcess } from '../support/server-process.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { useServerProcess } from '../support/use-server.js';

/** Signal number of HUP. */
const SIGHUP = 1;

const RELOADED = 'reloaded the settings: these changes take effect now';
const UNCHANGED = 'reloaded the settings: no change takes effect now';
const REJECTED = 'the settings are invalid; nothing was changed';
const AT_RESTART = 'these changes take effect when the server is restarted';

const running = useServerProcess({ heartbeat_interval: 500 });
const { server } = running;
let web1: SimulatedNode;
beforeAll(async () => (web1 = await server.availableNode('web1')));

/** Writes these settings, sends HUP, and waits for the log line with this message. */
const hangUp = async (settings: Partial<ServerConfig> | string, msg: string): Promise<LoggedLine> => {
  const { process } = running;
  const before = process.logged.length;
  process.writeSettings(typeof settings === 'string' ? settings : { ...server.config, ...settings });
  process.signal('SIGHUP');
  return eventually(() => process.logged.slice(before).find((line) => line.msg === msg));
};

describe('a server that gets HUP', () => {
  it('applies new settings while a job runs, and logs the changes', async () => {
    const id = await server.startJob({ nodes: ['web1'] });
    await voteYes(web1, id);
    await startRun(web1, id);
    const line = await hangUp(
      { default_running_timeout: 77, status_hides_job_ids: true, log_level: 'debug' },
      RELOADED,
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
    await eventually(() => running.process.logged.some(({ msg }) => msg === 'dropped a frame'));
    await startRun(web1, next);
    await endRun(web1, next);
    await server.jobBecomes(next, 'complete');
    await hangUp({}, RELOADED);
  });

  it('applies a new voting timeout to the next job', async () => {
    await hangUp({ voting_timeout: 0.3 }, RELOADED);
    const id = await server.startJob({ nodes: ['web1'] });
    await web1.expectCommand('commit');
    expect((await server.jobBecomes(id, 'quorum_failed')).nodes).toEqual({ unavailable: ['web1'] });
    await web1.expectCommand('abort');
    await web1.sendJobMessage('aborted', null);
    await hangUp({}, RELOADED);
    await server.nodeBecomes('web1', 'available');
  });

  it('logs which settings need a restart, and continues with the current ones', async () => {
    const settings = { api_port: 1, ha: true, database: { ...server.config.database, host: 'elsewhere' } };
    const line = await hangUp(settings, AT_RESTART);
    expect(line).toMatchObject({ level: 'warn', settings: ['api_port', 'database', 'ha'], secrets: [] });
    expect((await server.get('jobs')).status).toBe(200);
    await hangUp({}, UNCHANGED);
  });

  it('rejects an invalid file as a whole, and logs what is wrong', async () => {
    const invalid = JSON.stringify({
      ...server.config,
      voting_timeout: -1,
      status_hides_job_ids: true,
      x: 1,
    });
    const { level, reason } = await hangUp(invalid, REJECTED);
    expect(level).toBe('error');
    expect(reason).toMatch(/config\.json is invalid/);
    expect(reason).toContain('voting_timeout');
    expect(reason).toContain('"x"');
    expect((await hangUp('{ "voting_timeout": ', REJECTED)).reason).toContain('is not JSON');
    await hangUp({}, UNCHANGED);
  });

  it("applies a new key of the Chef Server's superuser, and logs no key", async () => {
    const key = await server.chef.rotateKey({ name: 'pivotal' });
    expect((await server.get('jobs')).status).toBe(403); // the server cannot read groups
    running.process.writeSecrets({ ...server.secrets, superuser_key: 'no key' });
    expect((await hangUp({}, REJECTED)).reason).toContain('superuser_key');
    running.process.writeSecrets({ ...server.secrets, superuser_key: key, session_seal_key: 'AAAA' });
    expect(await hangUp({}, RELOADED)).toMatchObject({ changed: {}, secrets: ['superuser_key'] });
    await eventually(() =>
      running.process.logged.some(({ secrets }) => JSON.stringify(secrets) === '["session_seal_key"]'),
    );
    await eventually(async () => (await server.get('jobs')).status === 200); // signatures change every second
    expect(JSON.stringify(running.process.logged)).not.toContain('PRIVATE KEY');
  });

  it('survives HUPs while it starts, several at once, and while it stops', async () => {
    await running.process.stop();
    const starting = ServerProcess.spawn(server.config, server.secrets);
    await eventually(() => starting.handlesSignal(SIGHUP), { everyMs: 1 });
    expect(starting.logged).toEqual([]);
    starting.signal('SIGHUP');
    const isUp = (): boolean => starting.logged.some(({ msg }) => msg === 'push-jobs-server is up');
    const hangUpUntilUp = (): boolean => {
      starting.signal('SIGHUP');
      return isUp();
    };
    await eventually(hangUpUntilUp, { withinMs: 60_000, everyMs: 100 });
    for (const signal of ['SIGHUP', 'SIGHUP', 'SIGTERM', 'SIGHUP'] as const) starting.signal(signal);
    expect(await starting.exit).toBe(0);
    expect(starting.loggedErrors).toEqual([]);
    expect(starting.stderr).toBe('');
  });
});
