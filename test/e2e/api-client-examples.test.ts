import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerCommands } from '../support/answer-commands.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { ORG } from '../support/server-surroundings.js';
import { useServer } from '../support/use-server.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const README = readFileSync(join(ROOT, 'src/shared/api-client/README.md'), 'utf8');

/** The examples of the README by their heading. */
const examples = new Map(
  [...README.matchAll(/^## (.+)\n\n```ts\n([^]*?)^```$/gm)].map(([, heading, code]) => [heading!, code!]),
);

/** Folder of another project that has installed the package. */
let project: string;
let stops: (() => void)[] = [];
const server = useServer({ rehab_timer: 2_000 });

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'push-jobs-examples-'));
  mkdirSync(join(project, 'node_modules', '@types'), { recursive: true });
  symlinkSync(ROOT, join(project, 'node_modules', 'push-jobs'));
  symlinkSync(join(ROOT, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'));
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');

  server.chef.pushyUrl = server.url('');
  server.chef.createNode(ORG, 'web1', { role: 'web' });
  server.chef.createNode(ORG, 'web2', { role: 'web' });
  writeFileSync(join(project, 'alice.pem'), server.userPem);
  stops = [
    answerCommands(await server.availableNode('web1'), 'succeeded', { stdout: 'up 3 days', stderr: '' }),
    answerCommands(await server.availableNode('db1'), 'failed', { stdout: '', stderr: '' }),
  ];
});
afterAll(() => {
  for (const stop of stops) stop();
  rmSync(project, { recursive: true });
});

/** Runs an example without its types and returns its output. */
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

it('prints the result of each node after the example has waited for the end of its job', async () => {
  const lines = (await run('Run a job and wait for its end')).split('\n');

  expect(lines.slice(0, 2).sort()).toEqual(['db1: failure', 'web1: success']);
  expect(lines.slice(2)).toEqual(['complete, failed: db1', 'up 3 days', '']);
});

/** Plays a node with live output: it writes a line when the server requests output, and then succeeds. */
const runBuild = async (node: SimulatedNode): Promise<void> => {
  const { job_id: id } = await node.expectCommand('commit');
  node.reportedState = { state: 'committed', jobId: id };
  await node.sendJobMessage('ack_commit', id);
  await node.expectCommand('run');
  node.reportedState = { state: 'running', jobId: id };
  await node.sendJobMessage('ack_run', id, { output_every_ms: 0 });
  await node.expectCommand('output_wanted');
  const data = Buffer.from('compiling\n').toString('base64');
  await node.send({ type: 'output', job_id: id, chunk: 1, stream: 'stdout', data });
  node.reportedState = { state: 'idle', jobId: null };
  await node.sendJobMessage('succeeded', id);
};

it('prints live output while the command runs', async () => {
  const build = runBuild(await server.availableNode('build1'));

  expect(await run('Follow the live output')).toBe('compiling\nbuild1: success\n');
  await build;
});

it('finds nodes by a search and shows which are available', async () => {
  expect(await run('Find available nodes by a Chef search')).toBe(
    'web1 can take a job\nweb2 cannot take a job\n',
  );
});

it('recognizes the error for an unknown job', async () => {
  expect(await run('Handle errors')).toBe('there is no such job\n');
});

it('compiles all examples in strict mode', () => {
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
