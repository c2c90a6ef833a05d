import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerCommands } from '../support/answer-commands.js';
import { ORG, ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const README = readFileSync(join(ROOT, 'src/shared/api-client/README.md'), 'utf8');

/** The examples by the heading above them. */
const examples = new Map(
  [...README.matchAll(/^## (.+)\n\n```ts\n([^]*?)^```$/gm)].map(([, heading, code]) => [heading!, code!]),
);

/** A project of somebody else, who has installed the package: its files stand in a folder of its own. */
let project: string;
let server: ServerUnderTest;
let stops: (() => void)[] = [];

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'push-jobs-examples-'));
  mkdirSync(join(project, 'node_modules', '@types'), { recursive: true });
  symlinkSync(ROOT, join(project, 'node_modules', 'push-jobs'));
  symlinkSync(join(ROOT, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'));
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');

  server = await ServerUnderTest.start({ rehab_timer: 2_000 });
  server.chef.pushyUrl = server.url('');
  server.chef.createNode(ORG, 'web1', { role: 'web' });
  server.chef.createNode(ORG, 'web2', { role: 'web' });
  const key = server.userKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(join(project, 'alice.pem'), key);
  stops = [
    answerCommands(await server.availableNode('web1'), 'succeeded', { stdout: 'up 3 days', stderr: '' }),
    answerCommands(await server.availableNode('db1'), 'failed', { stdout: '', stderr: '' }),
  ];
});
afterAll(async () => {
  for (const stop of stops) stop();
  await server.close();
  rmSync(project, { recursive: true });
});

/** Runs an example as it stands, but for its types, and gives what it prints. */
const run = async (heading: string): Promise<string> => {
  const file = join(project, `${heading.replaceAll(/\W+/g, '-')}.js`);
  const { outputText } = ts.transpileModule(examples.get(heading)!, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  });
  writeFileSync(file, outputText);
  const env = {
    PATH: process.env.PATH,
    CHEF_SERVER_URL: `${server.chef.url}/organizations/${ORG}`,
    CHEF_USER: 'alice',
    CHEF_KEY: join(project, 'alice.pem'),
  };
  return (await promisify(execFile)(process.execPath, [file], { env })).stdout;
};

it('runs a job and waits for its end', async () => {
  const lines = (await run('Run a job and wait for its end')).split('\n');

  expect(lines.slice(0, 2).sort()).toEqual(['db1: failure', 'web1: success']);
  expect(lines.slice(2)).toEqual(['complete, failed: db1', 'up 3 days', '']);
});

/** The node's client can be asked for output: it writes a line when it is, and then ends. */
const playBuild = async (node: SimulatedNode): Promise<void> => {
  const { job_id: id } = await node.expectCommand('commit');
  node.doing = { state: 'committed', jobId: id };
  await node.sendJobMessage('ack_commit', id);
  await node.expectCommand('run');
  node.doing = { state: 'running', jobId: id };
  await node.sendJobMessage('ack_run', id, { output_every_ms: 0 });
  await node.expectCommand('output_wanted');
  const data = Buffer.from('compiling\n').toString('base64');
  await node.send({ type: 'output', job_id: id, chunk: 1, stream: 'stdout', data });
  node.doing = { state: 'idle', jobId: null };
  await node.sendJobMessage('succeeded', id);
};

it('watches what nodes write while they run', async () => {
  const played = playBuild(await server.availableNode('build1'));

  expect(await run('Watch what nodes write while they run')).toBe('compiling\nbuild1: success\n');
  await played;
});

it('chooses nodes by a search', async () => {
  expect(await run('Choose nodes by a Chef search, and only those that can take a job')).toBe(
    'web1 can take a job\nweb2 cannot take a job\n',
  );
});

it('tells errors apart', async () => {
  expect(await run('Tell errors apart')).toBe('there is no such job\n');
});

it('has types that fit all examples', () => {
  const files = [...examples.entries()].map(([heading, code]) => {
    const file = join(project, `${heading.replaceAll(/\W+/g, '-')}.ts`);
    writeFileSync(file, code);
    return file;
  });
  const program = ts.createProgram(files, {
    strict: true,
    noEmit: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(project, 'node_modules/@types')],
  });

  expect(examples.size).toBe(4);
  expect(ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText)).toEqual([]);
});
