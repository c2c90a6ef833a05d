import { describe, expect, it } from 'vitest';
import { JOB_ID, stubJob } from '../../support/stub-job.js';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deferred } from '../../../src/shared/lib/deferred.js';
import { useStubbedCli } from '../../support/use-stubbed-cli.js';

const { cli, server } = useStubbedCli();

const JOB = `GET pushy/jobs/${JOB_ID}`;
const output = (node: string, channel = 'stdout') => `${JOB}/output/${node}/${channel}`;
const captured = (node: string, stdout: string, stderr = '') =>
  server
    .on(output(node, 'stdout'), { bytes: Buffer.from(stdout) })
    .on(output(node, 'stderr'), { bytes: Buffer.from(stderr) });

describe('job output', () => {
  it('prints the bytes of a single node unchanged', async () => {
    const bytes = Buffer.from([0x68, 0xff, 0x00, 0x0a, 0x1b]);
    server.on(output('web1', 'stderr'), { bytes });
    const outcome = await cli.run(['job', 'output', JOB_ID, 'web1', '--channel', 'stderr']);

    expect(outcome).toEqual({ code: 0, stdout: bytes.toString(), stderr: '' });
    expect(server.requests[0]?.headers.accept).toBe('application/octet-stream');
  });

  it('prints a heading for each of several nodes and names nodes without output', async () => {
    server.on(output('a'), { bytes: Buffer.from('one\n') }).on(output('b'), { bytes: Buffer.from('two') });
    const outcome = await cli.run(['job', 'output', JOB_ID, 'a', 'b', 'c']);

    expect(outcome).toEqual({
      code: 1,
      stdout: '==> a <==\none\n\n==> b <==\ntwo\n',
      stderr: 'No captured stdout for c\n',
    });
  });

  it('prints the bytes unchanged if the job has only one node', async () => {
    server.on(JOB, { json: stubJob({ succeeded: ['a'] }) }).on(output('a'), { bytes: Buffer.from('one') });

    expect(await cli.run(['job', 'output', JOB_ID])).toEqual({ code: 0, stdout: 'one', stderr: '' });
  });

  it('prints the output of all nodes if none is named', async () => {
    server
      .on(JOB, { json: stubJob({ succeeded: ['b'], failed: ['a'], unavailable: ['c'] }) })
      .on(output('a'), { bytes: Buffer.from('A') })
      .on(output('b'), { bytes: Buffer.from('B') });

    expect(await cli.run(['job', 'output', JOB_ID])).toEqual({
      code: 0,
      stdout: '==> a <==\nA\n\n==> b <==\nB\n',
      stderr: '',
    });
  });

  it('says that the job does not exist', async () => {
    for (const more of [[], ['--to', 'folder']]) {
      const outcome = await cli.run(['job', 'output', JOB_ID, 'a', ...more]);

      expect(outcome).toEqual({ code: 1, stdout: '', stderr: `ERROR: there is no job ${JOB_ID}\n` });
    }
  });

  it('says that there is no captured output', async () => {
    server.on(JOB, { json: stubJob({ succeeded: ['a'] }) });
    const outcome = await cli.run(['job', 'output', JOB_ID, 'a']);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain(`ERROR: job ${JOB_ID} has no captured stdout for a.`);
  });

  it('says that a node lost its output, instead of asking for --capture', async () => {
    const job = stubJob(
      { succeeded: ['a', 'b'], failed: ['c'], unavailable: ['d'] },
      { capture_output: true },
    );
    server.on(JOB, { json: job });
    const nothing = await cli.run(['job', 'output', JOB_ID, 'a']);
    expect(nothing.code).toBe(1);
    expect(nothing.stderr).toContain(
      'has no captured stdout for a, although the job captures it; probably it was longer',
    );
    expect(nothing.stderr).not.toContain('--capture');
    expect((await cli.run(['job', 'output', JOB_ID, 'd'])).stderr).toContain('--capture');

    captured('a', 'A', 'E');
    const some = await cli.run(['job', 'output', JOB_ID]);
    expect(some).toMatchObject({ code: 0, stdout: '==> a <==\nA\n' });
    expect(some.stderr).toMatch(/^No output from b, c, although the job captures it.*\n$/);
    expect((await cli.run(['job', 'output', JOB_ID, '--to', 'lost'])).stderr).toContain(
      'No output from b, c, although',
    );
  });

  it('prints documents for programs, with base64 for bytes that are not text', async () => {
    server.on(output('a'), { bytes: Buffer.from('é\n') }).on(output('b'), { bytes: Buffer.from([0xff]) });
    const { stdout } = await cli.run(['job', 'output', JOB_ID, 'a', 'b', '--format', 'json']);

    expect(JSON.parse(stdout)).toEqual([
      { node: 'a', channel: 'stdout', text: 'é\n' },
      { node: 'b', channel: 'stdout', base64: '/w==' },
    ]);
  });

  it('prints the node name before each line with --prefix', async () => {
    captured('a', 'one\ntwo').on(output('b', 'stdout'), { bytes: Buffer.from('\n') });

    expect((await cli.run(['job', 'output', JOB_ID, 'a', 'b', '--prefix'])).stdout).toBe(
      'a | one\na | two\nb | \n',
    );
  });

  it('fetches several outputs concurrently and keeps their order', async () => {
    const nodes = Array.from({ length: 40 }, (_, index) => `node${String(index).padStart(2, '0')}`);
    const arrivals = nodes.map(() => deferred());
    let pending = 0;
    let maxPending = 0;
    for (const [index, node] of nodes.entries()) {
      server.on(output(node, 'stdout'), async () => {
        maxPending = Math.max(maxPending, ++pending);
        arrivals[index]!.resolve();
        if (index % 2 === 0) await arrivals[index + 1]!.promise; // the later request is answered first
        pending--;
        return { bytes: Buffer.from(node) };
      });
    }
    const { stdout } = await cli.run(['job', 'output', JOB_ID, ...nodes, '--prefix']);

    expect(stdout).toBe(nodes.map((node) => `${node} | ${node}\n`).join(''));
    expect(maxPending).toBeLessThanOrEqual(8);
  });

  it('writes one file per node and channel to a folder, for any node name', async () => {
    server.on(JOB, { json: stubJob({ succeeded: ['web1', '../up', '.hid:den'], unavailable: ['gone'] }) });
    captured('web1', 'out', 'err');
    captured('.hid:den', Buffer.from([0x61]).toString());
    server.on(output('../up', 'stdout'), { bytes: Buffer.from('up') });
    const { code, stdout, stderr } = await cli.run(['job', 'output', JOB_ID, '--to', 'saved/here']);
    const folder = join(cli.cwd, 'saved', 'here');

    expect(code).toBe(0);
    expect(stdout).toBe(`Wrote 5 files with the output of 3 nodes to ${folder}\n`);
    expect(stderr).toBe('No captured stderr for ../up\nNo captured stdout or stderr for gone\n');
    expect(readdirSync(folder).sort()).toEqual(
      ['%2E.%2Fup.stdout', '%2Ehid%3Aden.stderr', '%2Ehid%3Aden.stdout', 'web1.stderr', 'web1.stdout'].sort(),
    );
    expect(readFileSync(join(folder, 'web1.stderr'), 'utf8')).toBe('err');
    expect(readFileSync(join(folder, '%2E.%2Fup.stdout'), 'utf8')).toBe('up');
  });

  it('says how many files it wrote', async () => {
    server.on(JOB, { json: stubJob({ succeeded: ['a'] }) });
    captured('a', 'out');
    const { stdout } = await cli.run(['job', 'output', JOB_ID, '--to', 'one', '--channel', 'stdout']);

    expect(stdout).toBe(`Wrote 1 file with the output of 1 node to ${join(cli.cwd, 'one')}\n`);
  });

  it('prints a document of the written files', async () => {
    captured('a', 'out');
    const { stdout } = await cli.run([
      'job',
      'output',
      JOB_ID,
      'a',
      '--to',
      'two',
      '--channel',
      'stdout',
      '--format',
      'json',
    ]);

    expect(JSON.parse(stdout)).toEqual([
      { node: 'a', channel: 'stdout', file: join(cli.cwd, 'two', 'a.stdout'), bytes: 3 },
    ]);
  });

  it('names the file that it cannot write, and the missing output', async () => {
    server.on(JOB, { json: stubJob({ succeeded: ['a'] }) });
    captured('a', 'out');
    const blocked = await cli.run(['job', 'output', JOB_ID, 'a', '--to', '/dev/null/x']);
    const nothing = await cli.run(['job', 'output', JOB_ID, 'nobody', '--to', 'three']);

    expect(blocked).toMatchObject({ code: 1, stdout: '' });
    expect(blocked.stderr).toContain('ERROR: cannot write /dev/null/x/a.stdout: ');
    expect(nothing.stderr).toContain('has no captured stdout or stderr for nobody');
    expect((await cli.run(['job', 'output', JOB_ID, '--to', 'x', '--prefix'])).code).toBe(2);
  });
});
