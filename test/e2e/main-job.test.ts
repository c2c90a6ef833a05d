import { expect, test } from 'vitest';
import { endRun, startRun, voteYes } from '../support/node-steps.js';
import { useServer } from '../support/use-server.js';

const server = useServer();

test('a job runs on two nodes and its captured output can be fetched', async () => {
  const [web1, web2] = [await server.availableNode('web1'), await server.availableNode('web2')];
  const id = await server.startJob({ command: 'uptime', nodes: ['web1', 'web2'], capture_output: true });

  for (const node of [web1, web2]) {
    const commit = await voteYes(node, id);
    expect(commit).toMatchObject({ command: 'uptime', capture: true });
  }
  for (const node of [web1, web2]) await startRun(node, id);
  await endRun(web1, id, 'succeeded', { stdout: 'up 3 days\n', stderr: '' });
  await endRun(web2, id, 'failed', { stdout: '', stderr: 'no such file\n' });

  const job = await server.jobBecomes(id, 'complete');
  expect(job.nodes).toEqual({ succeeded: ['web1'], failed: ['web2'] });
  expect(await server.getOutput(id, 'web1', 'stdout')).toMatchObject({
    value: { status: 200, body: Buffer.from('up 3 days\n') },
  });
});
