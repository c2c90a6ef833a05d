import { afterAll, beforeAll, expect, it } from 'vitest';
import { ClientUnderTest } from '../support/client-under-test.js';
import { eventually } from '../support/eventually.js';
import { FeedReader } from '../support/feed-reader.js';
import { startClient } from '../support/start-client.js';
import { useServerProcess } from '../support/use-server.js';
import { useWorkstation } from '../support/use-workstation.js';

/** The built server, client and command line run in processes of their own. */
const running = useServerProcess({ heartbeat_interval: 500 });
const { server } = running;
const workstation = useWorkstation(server);
let client: ClientUnderTest;

const SETTINGS = `whitelist({
  'talk' => 'echo first; echo oops >&2; while [ ! -e go ]; do sleep 0.05; done; printf "caf\\303\\251\\nthe end"',
  'count' => 'i=0; while [ ! -e go ]; do i=$((i+1)); echo "line $i"; sleep 0.1; done; echo done'
})`;

beforeAll(async () => (client = await startClient(server, 'web1', SETTINGS)));
afterAll(() => client.stop());

const linesIn = (stdout: string): string[] => stdout.match(/^web1.*\n/gm) ?? [];

let folders = 0;
const startJob = async (command: string): Promise<{ id: string; end: () => void }> => {
  const dir = client.makeFolder(`work${++folders}`);
  const id = await server.startJob({ command, nodes: ['web1'], dir, capture_output: true });
  return { id, end: () => void client.makeFolder(`work${folders}/go`) };
};

it('prints live output while the command runs, into a pipe and on a terminal', async () => {
  const { id, end } = await startJob('talk');
  const piped = workstation.start(['job', 'watch', id, '--output']);
  await piped.waitForOutput('web1 | first\n');
  const onTerminal = workstation.start(['job', 'watch', id, '--output'], 100);
  await onTerminal.waitForOutput('\r\u001b[2Kweb1 | first\r\n');
  expect((await server.job(id)).status).toBe('running');
  end();

  const { code, stdout, stderr } = await piped.outcome();
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'web1 stderr | oops\n' });
  expect(linesIn(stdout)).toEqual(['web1 | first\n', 'web1 | café\n', 'web1 | the end\n']);
  expect(stdout).toContain('Complete. All 1 node succeeded.\n');
  const drawn = (await onTerminal.outcome()).stdout;
  expect(drawn).toContain('web1 stderr | oops\r\n');
  expect(drawn).toContain('\r\u001b[2KComplete. All 1 node succeeded.\r\n');
});

it('prints the captured output of a node that has already ended', async () => {
  const { id, end } = await startJob('talk');
  end();
  await server.jobBecomes(id, 'complete');
  const { stdout, stderr } = await workstation.run(['job', 'watch', id, '--output']);
  expect(linesIn(stdout)).toEqual(['web1 | first\n', 'web1 | café\n', 'web1 | the end\n']);
  expect(stderr).toBe('web1 stderr | oops\n');
});

it('prints every line once although the server is killed and started again meanwhile', async () => {
  const { id, end } = await startJob('count');
  const watching = workstation.start(['job', 'watch', id, '--output']);
  await watching.waitForOutput('web1 | line 3\n');
  await running.process.kill();
  await server.startServer();
  const before = linesIn(watching.printed).length;
  await eventually(() => linesIn(watching.printed).length > before + 2, { withinMs: 40_000 });
  end();

  const { code, stdout, stderr } = await watching.outcome();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = linesIn(stdout);
  expect(lines).toEqual([
    ...Array.from({ length: lines.length - 1 }, (_, index) => `web1 | line ${index + 1}\n`),
    'web1 | done\n',
  ]);
});

it('stops sending live output when the last reader has left', async () => {
  const { id, end } = await startJob('count');
  const feed = await FeedReader.open(server, id, undefined, '?output=true');
  await eventually(() => feed.events.some(({ name }) => name === 'output'));
  const chunkCount = async (): Promise<number> =>
    [...(await server.metrics())]
      .filter(([name]) => name.startsWith('push_jobs_output_chunks_total'))
      .reduce((sum, [, count]) => sum + count, 0);
  feed.close();
  let last = -1;
  let same = 0;
  await eventually(async () => {
    const now = await chunkCount();
    same = now === last ? same + 1 : 0;
    last = now;
    return same > 20; // no new chunk in twenty polls
  });
  end();
  await server.jobBecomes(id, 'complete');
});
