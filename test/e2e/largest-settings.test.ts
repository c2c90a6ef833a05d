import { expect, it } from 'vitest';
import { endRun, startRun, voteYes } from '../support/node-steps.js';
import { useServer } from '../support/use-server.js';

const MAX = 2 ** 31 - 1;
const DAY_MS = 86_400_000;

const server = useServer({
  heartbeat_interval: DAY_MS,
  rehab_timer: DAY_MS,
  decay_window: 1000,
  config_lifetime: MAX,
  max_time_skew: MAX,
  max_body_size: 64 * 1024 * 1024,
  voting_timeout: MAX,
  default_running_timeout: MAX,
  wait_complete_time: MAX,
  keep_alive_time: MAX,
  org_feed_expiration: MAX,
  history_retention: { days: 36_500, jobs: MAX, organizations: { acme: { days: 36_500, jobs: MAX } } },
});

it('a server with the largest values of its settings runs a job, and does so after a restart', async () => {
  const node = await server.availableNode('web1');
  const id = await server.startJob({ nodes: ['web1'], run_timeout: MAX, quorum: 1 });
  await voteYes(node, id);
  await startRun(node, id);
  await endRun(node, id, 'succeeded');
  expect(await server.jobBecomes(id, 'complete')).toMatchObject({ run_timeout: MAX });
  const voting = await server.startJob({ nodes: ['web1', 'offline'], quorum: MAX });
  await server.restart();
  expect((await server.job(voting)).status).not.toBe('timed_out');
  expect((await server.job(id)).status).toBe('complete');
});
