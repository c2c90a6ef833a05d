import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../src/shared/lib/deferred.js';
import { CliUnderTest } from '../../support/cli-under-test.js';
import { feedText, JOB_ID, stubJob, wholeRun } from '../../support/stub-job.js';
import { StubPushyServer } from '../../support/stub-pushy-server.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

let server: StubPushyServer;
let cli: CliUnderTest;

const JOB = `GET pushy/jobs/${JOB_ID}`;
const FEED = `GET pushy/job_status_feed/${JOB_ID}`;
const output = (node: string, channel: string) => `${JOB}/output/${node}/${channel}`;
const wrote = (node: string, stdout: string, stderr = '') =>
  server
    .on(output(node, 'stdout'), { bytes: Buffer.from(stdout) })
    .on(output(node, 'stderr'), { bytes: Buffer.from(stderr) });

beforeAll(async () => {
  server = await StubPushyServer.start('alice', publicKey);
  cli = new CliUnderTest();
  cli.writeCredentials(server.url, 'alice', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
});
beforeEach(() => server.reset());
afterAll(async () => {
  cli.remove();
  await server.close();
});

describe('--show-output', () => {
  const jobOfTwo = () =>
    server
      .on('POST pushy/jobs', { status: 201, json: { uri: `${server.url}/pushy/jobs/${JOB_ID}` } })
      .on(FEED, { feed: feedText(wholeRun({ web1: 'succeeded', db1: 'failed' })) })
      .on(JOB, { json: stubJob({ succeeded: ['web1'], failed: ['db1'] }, { capture_output: true }) });

  it('has the output kept, and prints it with the name of the node before each line', async () => {
    jobOfTwo();
    wrote('web1', 'one\ntwo\tthree\r\n');
    wrote('db1', '', 'no \u001b[31mdisk\u001b[0m');
    const { code, stdout } = await cli.run(['job', 'start', 'x', 'web1', 'db1', '--show-output']);

    expect(code).toBe(1);
    expect(server.requestsOf('POST pushy/jobs')[0]?.body).toMatchObject({ capture_output: true });
    expect(stdout).toContain('web1 | one\nweb1 | two\tthree\n');
    expect(stdout).toContain('db1 stderr | no \\u001b[31mdisk\\u001b[0m\n');
    expect(stdout).toMatch(
      /Complete\. 1 of 2 nodes succeeded, 1 failed\.\n {2}failed: db1\nWhy: push-jobs job status \w+\n$/,
    );
  });

  it('works with polling, and asks once more for what was not there at once', async () => {
    server.on(
      JOB,
      { json: stubJob({ running: ['b'], succeeded: ['a'] }, { status: 'running' }) },
      { json: stubJob({ succeeded: ['a', 'b'] }) },
    );
    server.on(
      output('a', 'stdout'),
      { status: 404, json: { error: ['not yet'] } },
      { bytes: Buffer.from('A') },
    );
    server.on(output('a', 'stderr'), { bytes: Buffer.alloc(0) });
    wrote('b', 'B');
    const { stdout } = await cli.run(['job', 'watch', JOB_ID, '--show-output', '--poll-interval', '0.01']);

    expect(stdout).toContain('a | A\n');
    expect(stdout).toContain('b | B\n');
    expect(server.requestsOf(output('b', 'stdout'))).toHaveLength(1);
  });

  it('says so where the job captures none', async () => {
    server
      .on(FEED, { feed: feedText(wholeRun({ web1: 'succeeded' })) })
      .on(JOB, { json: stubJob({ succeeded: ['web1'] }) });
    const { code, stdout, stderr } = await cli.run(['job', 'watch', JOB_ID, '--show-output']);

    expect(code).toBe(0);
    expect(stderr).toContain('The output of this job is not captured');
    expect(stdout).toContain('Complete. All 1 node succeeded.\n');
  });

  it('keeps the progress of a terminal below the output', async () => {
    jobOfTwo();
    wrote('web1', 'one\n');
    wrote('db1', '');
    const { stdout } = await cli.run(['job', 'watch', JOB_ID, '--show-output'], { columns: 100 });

    expect(stdout).toContain('\r\u001b[2Kweb1 | one\n');
    expect(stdout).not.toContain('] 1/2 nodes done, 1 running web1');
  });

  it('keeps nobody who presses Ctrl-C, though the server does not answer', async () => {
    jobOfTwo();
    wrote('db1', 'done\n');
    server.on(output('web1', 'stdout'), () => new Promise<never>(() => undefined));
    const { code, stdout } = await cli.run(['job', 'start', 'x', 'web1', 'db1', '--show-output'], {
      interruptAt: 'db1 | done',
    });

    expect(code).toBe(1);
    expect(stdout).toContain('Complete. 1 of 2 nodes succeeded');
  });

  it('leaves standard output to the document', async () => {
    jobOfTwo();
    wrote('web1', 'one\n');
    wrote('db1', '');
    const outcome = await cli.run(['job', 'watch', JOB_ID, '--show-output', '--format', 'json']);

    expect(JSON.parse(outcome.stdout)).toMatchObject({ id: JOB_ID });
    expect(outcome.stderr).toContain('web1 | one\n');
  });

  it('is all that is said, with the outcome, where it should be quiet', async () => {
    jobOfTwo();
    wrote('web1', 'one\n');
    wrote('db1', '');

    expect((await cli.run(['job', 'start', 'x', 'web1', 'db1', '--show-output', '--quiet'])).stdout).toBe(
      'web1 | one\nComplete. 1 of 2 nodes succeeded, 1 failed.\n  failed: db1\n',
    );
  });
});

describe('job output', () => {
  it('begins each line with the name of its node where that is wanted', async () => {
    wrote('a', 'one\ntwo').on(output('b', 'stdout'), { bytes: Buffer.from('\n') });

    expect((await cli.run(['job', 'output', JOB_ID, 'a', 'b', '--prefix'])).stdout).toBe(
      'a | one\na | two\nb | \n',
    );
  });

  it('asks for several nodes at a time and keeps their order', async () => {
    const nodes = Array.from({ length: 40 }, (_, index) => `node${String(index).padStart(2, '0')}`);
    const arrivals = nodes.map(() => deferred());
    let underWay = 0;
    let most = 0;
    for (const [index, node] of nodes.entries()) {
      server.on(output(node, 'stdout'), async () => {
        most = Math.max(most, ++underWay);
        arrivals[index]!.resolve();
        if (index % 2 === 0) await arrivals[index + 1]!.promise; // the later one is answered first
        underWay--;
        return { bytes: Buffer.from(node) };
      });
    }
    const { stdout } = await cli.run(['job', 'output', JOB_ID, ...nodes, '--prefix']);

    expect(stdout).toBe(nodes.map((node) => `${node} | ${node}\n`).join(''));
    expect(most).toBeLessThanOrEqual(8);
  });

  it('goes into a folder, a file for each node and stream, whatever the node is called', async () => {
    server.on(JOB, { json: stubJob({ succeeded: ['web1', '../up', '.hid:den'], unavailable: ['gone'] }) });
    wrote('web1', 'out', 'err');
    wrote('.hid:den', Buffer.from([0x61]).toString());
    server.on(output('../up', 'stdout'), { bytes: Buffer.from('up') });
    const { code, stdout, stderr } = await cli.run(['job', 'output', JOB_ID, '--to', 'saved/here']);
    const folder = join(cli.cwd, 'saved', 'here');

    expect(code).toBe(0);
    expect(stdout).toBe(`Wrote 5 files with the output of 3 nodes to ${folder}\n`);
    expect(stderr).toBe('No stderr was kept for ../up\nNo stdout or stderr was kept for gone\n');
    expect(readdirSync(folder).sort()).toEqual(
      ['%2E.%2Fup.stdout', '%2Ehid%3Aden.stderr', '%2Ehid%3Aden.stdout', 'web1.stderr', 'web1.stdout'].sort(),
    );
    expect(readFileSync(join(folder, 'web1.stderr'), 'utf8')).toBe('err');
    expect(readFileSync(join(folder, '%2E.%2Fup.stdout'), 'utf8')).toBe('up');
  });

  it('is one file in words, too', async () => {
    server.on(JOB, { json: stubJob({ succeeded: ['a'] }) });
    wrote('a', 'out');
    const { stdout } = await cli.run(['job', 'output', JOB_ID, '--to', 'one', '--channel', 'stdout']);

    expect(stdout).toBe(`Wrote 1 file with the output of 1 node to ${join(cli.cwd, 'one')}\n`);
  });

  it('into a folder is told to programs too', async () => {
    wrote('a', 'out');
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

  it('says which file it cannot write, and what was not kept', async () => {
    server.on(JOB, { json: stubJob({ succeeded: ['a'] }) });
    wrote('a', 'out');
    const blocked = await cli.run(['job', 'output', JOB_ID, 'a', '--to', '/dev/null/x']);
    const nothing = await cli.run(['job', 'output', JOB_ID, 'nobody', '--to', 'three']);

    expect(blocked).toMatchObject({ code: 1, stdout: '' });
    expect(blocked.stderr).toContain('ERROR: cannot write /dev/null/x/a.stdout: ');
    expect(nothing.stderr).toContain('no stdout or stderr of job');
    expect((await cli.run(['job', 'output', JOB_ID, '--to', 'x', '--prefix'])).code).toBe(2);
  });
});
