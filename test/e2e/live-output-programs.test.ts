import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BuiltCli } from '../support/built-cli.js';
import { CliUnderTest } from '../support/cli-under-test.js';
import { ClientUnderTest } from '../support/client-under-test.js';
import { eventually } from '../support/eventually.js';
import { FeedReading } from '../support/feed-reading.js';
import { ServerProcess } from '../support/server-process.js';
import { ORG, ServerUnderTest } from '../support/server-under-test.js';

/** The built server, client and command line, each a process of its own. */
let running: ServerProcess;
let server: ServerUnderTest;
let client: ClientUnderTest;
let user: CliUnderTest;

const SETTINGS = `whitelist({
  'talk' => 'echo first; echo oops >&2; while [ ! -e go ]; do sleep 0.05; done; printf "caf\\303\\251\\nthe end"',
  'count' => 'i=0; while [ ! -e go ]; do i=$((i+1)); echo "line $i"; sleep 0.1; done; echo done'
})`;

beforeAll(async () => {
  server = await ServerUnderTest.start(
    { heartbeat_interval: 500 },
    async (config, secrets) => (running = await ServerProcess.start(config, secrets)),
  );
  server.chef.pushyUrl = server.url('');
  const { name, key } = await server.identity('web1');
  client = new ClientUnderTest({
    serverUrl: server.url(`/organizations/${ORG}`),
    node: name,
    key: createPrivateKey(key),
    settings: SETTINGS,
  });
  user = new CliUnderTest();
  const userKey = server.userKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  user.writeCredentials(`${server.chef.url}/organizations/${ORG}`, 'alice', userKey);
  await eventually(async () => (await server.nodeState('web1')).availability === 'available', {
    withinMs: 40_000,
  });
});
afterAll(async () => {
  await client.stop();
  user.remove();
  await server.close();
});

const run = (args: readonly string[], columns?: number) =>
  BuiltCli.start(args, { home: user.home, cwd: user.cwd, ...(columns === undefined ? {} : { columns }) });

const linesIn = (stdout: string): string[] => stdout.match(/^web1.*\n/gm) ?? [];

let folders = 0;
const startJob = async (command: string): Promise<{ id: string; end: () => void }> => {
  const dir = client.makeFolder(`work${++folders}`);
  const id = await server.startJob({ command, nodes: ['web1'], dir, capture_output: true });
  return { id, end: () => void client.makeFolder(`work${folders}/go`) };
};

it('is printed while the command runs, by whoever watches, on a pipe and on a terminal', async () => {
  const { id, end } = await startJob('talk');
  const piped = run(['job', 'watch', id, '--output']);
  await piped.prints('web1 | first\n');
  const onTerminal = run(['job', 'watch', id, '--output'], 100);
  await onTerminal.prints('\r\u001b[2Kweb1 | first\r\n');
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

it('of a node that was done before is printed as it was kept', async () => {
  const { id, end } = await startJob('talk');
  end();
  await server.jobBecomes(id, 'complete');
  const { stdout, stderr } = await run(['job', 'watch', id, '--output']).outcome();
  expect(linesIn(stdout)).toEqual(['web1 | first\n', 'web1 | café\n', 'web1 | the end\n']);
  expect(stderr).toBe('web1 stderr | oops\n');
});

it('goes on over a server that is killed and started again: nothing is lost, nothing comes twice', async () => {
  const { id, end } = await startJob('count');
  const watching = run(['job', 'watch', id, '--output']);
  await watching.prints('web1 | line 3\n');
  await running.kill();
  await server.boot();
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

it('ends when the last watcher has left', async () => {
  const { id, end } = await startJob('count');
  const feed = await FeedReading.open(server, id, undefined, '?output=true');
  await eventually(() => feed.events.some(({ name }) => name === 'output'));
  const sent = async (): Promise<number> => {
    const answer = await server.http.send({ method: 'GET', url: server.url('/pushy/metrics') });
    if (!answer.ok) throw new Error(answer.error.reason);
    const counts = answer.value.body.toString().matchAll(/push_jobs_output_chunks_total\{[^}]*\} (\d+)/g);
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  };
  feed.close();
  let last = -1;
  let same = 0;
  await eventually(async () => {
    const now = await sent();
    same = now === last ? same + 1 : 0;
    last = now;
    return same > 20; // nothing came while it was asked twenty times
  });
  end();
  await server.jobBecomes(id, 'complete');
});
