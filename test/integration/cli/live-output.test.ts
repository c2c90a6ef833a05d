import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  formatSse,
  type JobEvent,
  toFeedData,
  toFeedEvent,
} from '../../../src/shared/protocol/feed-event.js';
import { CliUnderTest } from '../../support/cli-under-test.js';
import { feedText, JOB_ID, startEvent, stubJob } from '../../support/stub-job.js';
import { StubPushyServer } from '../../support/stub-pushy-server.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

let server: StubPushyServer;
let cli: CliUnderTest;

const JOB = `GET pushy/jobs/${JOB_ID}`;
const FEED = `GET pushy/job_status_feed/${JOB_ID}`;
const AT = 1_795_336_304_483_426;

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

const OPEN = formatSse({ name: 'output_open', data: toFeedData(AT, {}) });
const writes = (node: string, chunk: number, text: string, stream = 'stdout', skipped = 0): string =>
  formatSse({
    name: 'output',
    data: toFeedData(AT, { node, stream, chunk, skipped, data: Buffer.from(text).toString('base64') }),
  });

const start = (capture = true): JobEvent => {
  const event = startEvent(2);
  return event.name === 'start' ? { ...event, data: { ...event.data, capture } } : event;
};
const BEGUN: JobEvent[] = [start(), { name: 'quorum_succeeded', data: {} }];
const ENDED: JobEvent[] = [
  { name: 'run_complete', data: { node: 'web1', status: 'success' } },
  { name: 'run_complete', data: { node: 'db1', status: 'success' } },
  { name: 'job_complete', data: { status: 'complete' } },
];
const done = (fields: object = { capture_output: true }) =>
  server.on(JOB, { json: stubJob({ succeeded: ['web1', 'db1'] }, fields) });
const kept = (node: string, stdout: string, stderr = '') =>
  server
    .on(`${JOB}/output/${node}/stdout`, { bytes: Buffer.from(stdout) })
    .on(`${JOB}/output/${node}/stderr`, { bytes: Buffer.from(stderr) });

const watch = (...args: string[]) => cli.run(['job', 'watch', JOB_ID, '--output', ...args]);

describe('--output', () => {
  it('prints what comes, and of a node of which nothing came what the server kept', async () => {
    const output =
      writes('web1', 1, 'one\ntw') + writes('web1', 2, 'oh\n', 'stderr') + writes('web1', 3, 'o');
    server.on(FEED, { feed: OPEN + feedText(BEGUN) + output + feedText(ENDED, 3) });
    done();
    kept('db1', 'kept\n', 'as well\n');
    const { code, stdout, stderr } = await watch();

    expect(code).toBe(0);
    expect(server.requestsOf(FEED)[0]?.query.get('output')).toBe('true');
    expect(stdout.match(/^\w+ \| .*$/gm)).toEqual(['web1 | one', 'web1 | two', 'db1 | kept']);
    expect(stderr).toBe('web1 stderr | oh\ndb1 stderr | as well\n');
    expect(server.requestsOf(`${JOB}/output/web1/stdout`)).toEqual([]);
  });

  it('prints nothing twice where the feed breaks off and gives the latest once more', async () => {
    const [one, two, three] = [1, 2, 3].map((chunk) => writes('web1', chunk, `line ${chunk}\n`)) as [
      string,
      string,
      string,
    ];
    server.on(
      FEED,
      { feed: OPEN + feedText(BEGUN) + one + two, then: 'break' },
      { feed: OPEN + one + two + three + writes('web1', 6, 'line 6\n') + feedText(ENDED, 3) },
    );
    done();
    kept('db1', '');
    const { stdout } = await watch();

    expect(server.requestsOf(FEED)[1]?.headers['last-event-id']).toBe('job-2');
    expect(stdout.match(/^web1 .*$/gm)).toEqual([
      'web1 | line 1',
      'web1 | line 2',
      'web1 | line 3',
      'web1 | [some output is missing here]',
      'web1 | line 6',
    ]);
  });

  it('goes back to a feed that was lost when the server answers again', async () => {
    server.on(
      FEED,
      { feed: OPEN + feedText(BEGUN) + writes('web1', 1, 'one\n'), then: 'break' },
      { status: 503 },
      { status: 503 },
      { status: 503 },
      { feed: OPEN + writes('web1', 1, 'one\n') + writes('web1', 2, 'two\n') + feedText(ENDED, 3) },
    );
    const running = stubJob({ running: ['web1', 'db1'] }, { status: 'running', capture_output: true });
    server.on(
      JOB,
      { json: running },
      { json: stubJob({ succeeded: ['web1', 'db1'] }, { capture_output: true }) },
    );
    kept('db1', '');
    const { code, stdout } = await watch('--poll-interval', '0.01');

    expect(code).toBe(0);
    expect(stdout.match(/^web1 .*$/gm)).toEqual(['web1 | one', 'web1 | two']);
  });

  it('says so where the server cannot, and prints what was kept when nodes are done', async () => {
    server.on(FEED, { feed: feedText([...BEGUN, ...ENDED]) });
    done();
    kept('web1', 'one\n');
    kept('db1', '');
    const { code, stdout, stderr } = await watch();

    expect(code).toBe(0);
    expect(stderr).toBe(
      'This server does not send output while commands run: what a node wrote is printed when it is done.\n',
    );
    expect(stdout).toContain('web1 | one\n');
  });

  it('says so where the job captures none, and follows it', async () => {
    server.on(FEED, { feed: OPEN + feedText([start(false), ...BEGUN.slice(1), ...ENDED]) });
    done({});
    const { code, stdout, stderr } = await watch();

    expect(code).toBe(0);
    expect(stderr).toContain('The output of this job is not captured');
    expect(stdout).toContain('Complete. All 2 nodes succeeded.\n');
    expect(server.requests.filter(({ path }) => path.includes('/output/'))).toEqual([]);
  });

  it('says so once where the job captured none and is over, with a feed or without', async () => {
    const summary = toFeedEvent('job-1', 'summary', AT, stubJob({ succeeded: ['web1'] }));
    server.on(FEED, { feed: OPEN + formatSse(summary) });
    done({});
    expect((await watch()).stderr).toMatch(/^The output of this job is not captured.*\n$/);

    server.reset();
    done({});
    expect((await watch()).stderr).toMatch(/^The output of this job is not captured.*\n$/);
  });

  it('leaves standard output to a document, and the progress of a terminal below the lines', async () => {
    server.on(FEED, {
      feed: OPEN + feedText(BEGUN) + writes('web1', 1, 'one\n') + feedText(ENDED, 3),
    });
    done();
    kept('db1', '');
    const document = await watch('--format', 'json');
    expect(JSON.parse(document.stdout)).toMatchObject({ id: JOB_ID });
    expect(document.stderr).toContain('web1 | one\n');

    const drawn = await cli.run(['job', 'watch', JOB_ID, '--output'], { columns: 100 });
    expect(drawn.stdout).toContain('\r\u001b[2Kweb1 | one\n\r\u001b[2KRunning  [');
  });

  it('has the output of a job captured that it starts, and does not go with --show-output', async () => {
    server.on('POST pushy/jobs', { status: 201, json: { uri: `${server.url}/pushy/jobs/${JOB_ID}` } });
    server.on(FEED, {
      feed: OPEN + feedText(BEGUN) + writes('web1', 1, 'one\n') + feedText(ENDED, 3),
    });
    done();
    kept('db1', '');
    const { stdout } = await cli.run(['job', 'start', 'x', 'web1', 'db1', '--output', '--quiet']);
    expect(server.requestsOf('POST pushy/jobs')[0]?.body).toMatchObject({ capture_output: true });
    expect(stdout).toContain('web1 | one\nComplete. All 2 nodes succeeded.\n');

    const both = await watch('--show-output');
    expect(both).toMatchObject({ code: 2, stdout: '' });
    expect(both.stderr).toContain('give either --output or --show-output, not both');
  });
});
