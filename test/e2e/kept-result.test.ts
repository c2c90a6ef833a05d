import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { useServerProcess } from '../support/use-server.js';
import { startClient } from '../support/start-client.js';

const running = useServerProcess({ heartbeat_interval: 500, rehab_timer: 1_000 });

it('counts a result that the client kept while the server and then the client itself were killed', async () => {
  const { server } = running;
  const client = await startClient(
    server,
    'web1',
    `whitelist({ 'wait' => 'while [ ! -e go ]; do sleep 0.05; done; echo done' })`,
  );
  try {
    const dir = client.makeFolder('work');
    const id = await server.startJob({ nodes: ['web1'], command: 'wait', dir, capture_output: true });
    await eventually(async () => (await server.job(id)).nodes.running?.length === 1);
    await running.process.kill();
    client.makeFolder('work/go');
    await eventually(() => client.output.includes('the command ended'));
    await client.kill();
    await server.startServer();
    client.start();
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
    await server.nodeBecomes('web1', 'available');
  } finally {
    await client.stop();
  }
});
