import { describe, expect, it } from 'vitest';
import {
  formatSse,
  type JobEvent,
  toFeedData,
  toFeedEvent,
} from '../../../src/shared/protocol/feed-event.js';
import { feedText, JOB_ID, startEvent, stubJob } from '../../support/stub-job.js';
import { useStubbedCli } from '../../support/use-stubbed-cli.js';

const { cli, server } = useStubbedCli();

const JOB = `GET pushy/jobs/${JOB_ID}`;
const FEED = `GET pushy/job_status_feed/${JOB_ID}`;
const AT = 1_795_336_304_483_426;

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
const STARTED: JobEvent[] = [start(), { name: 'quorum_succeeded', data: {} }];
const ENDED: JobEvent[] = [
  { name: 'run_complete', data: { node: 'web1', status: 'success' } },
  { name: 'run_complete', data: { node: 'db1', status: 'success' } },
  { name: 'job_complete', data: { status: 'complete' } },
];
const done = (fields: object = { capture_output: true }) =>
  server.on(JOB, { json: stubJob({ succeeded: ['web1', 'db1'] }, fields) });
const captured = (node: string, stdout: string, stderr = '') =>
  server
    .on(`${JOB}/output/${node}/stdout`, { bytes: Buffer.from(stdout) })
    .on(`${JOB}/output/${node}/stderr`, { bytes: Buffer.from(stderr) });

const watch = (...args: string[]) => cli.run(['job', 'watch', JOB_ID, '--output', ...args]);

describe('--output', () => {
  it('prints live output, and captured output for a node without live output', async () => {
    const output =
      writes('web1', 1, 'one\ntw') + writes('web1', 2, 'oh\n', 'stderr') + writes('web1', 3, 'o');
    server.on(FEED, { feed: OPEN + feedText(STARTED) + output + feedText(ENDED, 3) });
    done();
    captured('db1', 'stored\n', 'too\n');
    const { code, stdout, stderr } = await watch();

    expect(code).toBe(0);
    expect(server.requestsOf(FEED)[0]?.query.get('output')).toBe('true');
    expect(stdout.match(/^\w+ \| .*$/gm)).toEqual(['web1 | one', 'web1 | two', 'db1 | stored']);
    expect(stderr).toBe('web1 stderr | oh\ndb1 stderr | too\n');
    expect(server.requestsOf(`${JOB}/output/web1/stdout`)).toEqual([]);
  });

  it('prints no output twice if a resumed feed repeats it', async () => {
    const [one, two, three] = [1, 2, 3].map((chunk) => writes('web1', chunk, `line ${chunk}\n`)) as [
      string,
      string,
      string,
    ];
    server.on(
      FEED,
      { feed: OPEN + feedText(STARTED) + one + two, then: 'break' },
      { feed: OPEN + one + two + three + writes('web1', 6, 'line 6\n') + feedText(ENDED, 3) },
    );
    done();
    captured('db1', '');
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

  it('resumes a lost feed when the server responds again', async () => {
    server.on(
      FEED,
      { feed: OPEN + feedText(STARTED) + writes('web1', 1, 'one\n'), then: 'break' },
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
    captured('db1', '');
    const { code, stdout } = await watch('--poll-interval', '0.01');

    expect(code).toBe(0);
    expect(stdout.match(/^web1 .*$/gm)).toEqual(['web1 | one', 'web1 | two']);
  });

  it('says that the server does not support live output, and prints captured output', async () => {
    server.on(FEED, { feed: feedText([...STARTED, ...ENDED]) });
    done();
    captured('web1', 'one\n');
    captured('db1', '');
    const { code, stdout, stderr } = await watch();

    expect(code).toBe(0);
    expect(stderr).toBe(
      'This server does not send output while commands run: the output of each node is printed when it is done.\n',
    );
    expect(stdout).toContain('web1 | one\n');
  });

  it('says that the job does not capture output, and follows it', async () => {
    server.on(FEED, { feed: OPEN + feedText([start(false), ...STARTED.slice(1), ...ENDED]) });
    done({});
    const { code, stdout, stderr } = await watch();

    expect(code).toBe(0);
    expect(stderr).toContain('The output of this job is not captured');
    expect(stdout).toContain('Complete. All 2 nodes succeeded.\n');
    expect(server.requests.filter(({ path }) => path.includes('/output/'))).toEqual([]);
  });

  it('says once that an ended job has no captured output, with or without a feed', async () => {
    const summary = toFeedEvent('job-1', 'summary', AT, stubJob({ succeeded: ['web1'] }));
    server.on(FEED, { feed: OPEN + formatSse(summary) });
    done({});
    expect((await watch()).stderr).toMatch(/^The output of this job is not captured.*\n$/);

    server.reset();
    done({});
    expect((await watch()).stderr).toMatch(/^The output of this job is not captured.*\n$/);
  });

  it('prints output to standard error with --format, and above the progress line on a terminal', async () => {
    server.on(FEED, {
      feed: OPEN + feedText(STARTED) + writes('web1', 1, 'one\n') + feedText(ENDED, 3),
    });
    done();
    captured('db1', '');
    const document = await watch('--format', 'json');
    expect(JSON.parse(document.stdout)).toMatchObject({ id: JOB_ID });
    expect(document.stderr).toContain('web1 | one\n');

    const drawn = await cli.run(['job', 'watch', JOB_ID, '--output'], { columns: 100 });
    expect(drawn.stdout).toContain('\r\u001b[2Kweb1 | one\n\r\u001b[2KRunning  [');
  });

  it('captures the output of a started job, and cannot be combined with --show-output', async () => {
    server.on('POST pushy/jobs', { status: 201, json: { uri: `${server.url}/pushy/jobs/${JOB_ID}` } });
    server.on(FEED, {
      feed: OPEN + feedText(STARTED) + writes('web1', 1, 'one\n') + feedText(ENDED, 3),
    });
    done();
    captured('db1', '');
    const { stdout } = await cli.run(['job', 'start', 'x', 'web1', 'db1', '--output', '--quiet']);
    expect(server.requestsOf('POST pushy/jobs')[0]?.body).toMatchObject({ capture_output: true });
    expect(stdout).toContain('web1 | one\nComplete. All 2 nodes succeeded.\n');

    const both = await watch('--show-output');
    expect(both).toMatchObject({ code: 2, stdout: '' });
    expect(both.stderr).toContain('use either --output or --show-output, not both');
  });
});
