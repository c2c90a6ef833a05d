import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job, JobSummary, NodeAvailability, NodeState } from '../../src/shared/protocol/rest-schemas.js';
import { answerCommands } from '../support/answer-commands.js';
import { eventually } from '../support/eventually.js';
import { type KnifeResponse, RecordedKnife } from '../support/recorded-knife.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { ORG } from '../support/server-surroundings.js';
import { useServer } from '../support/use-server.js';

/** The server gets recorded requests of a real knife; the recorded jobs are for `node1`. */
const server = useServer();
let node: SimulatedNode;
let stop: () => void;

beforeAll(async () => {
  node = await server.availableNode('node1');
  stop = answerCommands(node, 'succeeded', { stdout: 'hello\n', stderr: '' });
});
afterAll(() => stop());

const json = ({ bytes }: KnifeResponse): unknown => JSON.parse(bytes.toString());

const knifeOf = (version: '1.0' | '1.1' | '1.3'): RecordedKnife =>
  new RecordedKnife(server.url(''), server.userKey, version);

/** Polls as knife does: GET the path of the uri until the job has ended. */
const pollToEnd = (knife: RecordedKnife, label: string, uri: string): Promise<Job> =>
  eventually(async () => {
    const polled = await knife.replay(label, 'GET', { path: new URL(uri).pathname });
    expect(polled.status).toBe(200);
    const job = json(polled) as Job;
    return job.status === 'voting' || job.status === 'running' ? undefined : job;
  });

describe.each([
  ['1.0', 'knife 16.13.16, signing 1.0'],
  ['1.1', 'knife 16.13.16, default signing (1.1)'],
  ['1.3', 'knife 16.13.16, signing 1.3'],
] as const)('a knife that signs with %s', (version, label) => {
  it('shows an available node, runs a job on it, and reads its output', async () => {
    const knife = knifeOf(version);
    const state = await knife.replay('knife node status', 'GET');
    expect(state.status).toBe(200);
    expect(json(state) as NodeState).toEqual({
      node_name: 'node1',
      status: 'online',
      availability: 'available',
    });

    const started = await knife.replay(label, 'POST');
    expect(started.status).toBe(201);
    const { uri } = json(started) as { uri: string };
    expect(uri).toMatch(new RegExp(`^${server.url(`/organizations/${ORG}/pushy/jobs/`)}[0-9a-f]{32}$`));
    expect(started.headers.location).toBe(uri);

    const job = await pollToEnd(knife, label, uri);
    expect(job).toMatchObject({
      id: uri.slice(-32),
      command: 'echo',
      status: 'complete',
      nodes: { succeeded: ['node1'] },
      capture_output: true,
    });
    const output = await knife.replay('knife job output', 'GET', {
      path: `${new URL(uri).pathname}/output/node1/stdout`,
    });
    expect(output.status).toBe(200);
    expect(output.headers['content-type']).toBe('application/octet-stream');
    expect(output.bytes.toString()).toBe('hello\n');
  });

  it('lists jobs and nodes', async () => {
    const knife = knifeOf(version);
    const jobs = await knife.replay(label, 'GET', { path: `/organizations/${ORG}/pushy/jobs` });
    const nodes = await knife.replay(label, 'GET', { path: `/organizations/${ORG}/pushy/node_states` });

    expect(jobs.status).toBe(200);
    expect((json(jobs) as JobSummary[]).every((job) => !('nodes' in job))).toBe(true);
    expect(nodes.status).toBe(200);
    expect(json(nodes) as NodeAvailability[]).toEqual([{ node_name: 'node1', availability: 'available' }]);
  });

  it('gets 404 for an unknown job', async () => {
    const path = `/organizations/${ORG}/pushy/jobs/${'0'.repeat(32)}`;

    expect((await knifeOf(version).replay(label, 'GET', { path })).status).toBe(404);
    const output = { path: `${path}/output/node1/stdout` };
    expect((await knifeOf(version).replay('knife job output', 'GET', output)).status).toBe(404);
  });
});

describe('a recorded job of knife', () => {
  it('sends its file to the node', async () => {
    const knife = knifeOf('1.1');
    const started = await knife.replay('knife with a file', 'POST');
    expect(started.status).toBe(201);
    const job = await pollToEnd(knife, 'knife with a file', (json(started) as { uri: string }).uri);

    expect(job).toMatchObject({ command: 'catfile', status: 'complete', file_specified: true });
    expect(node.commands.findLast(({ type }) => type === 'commit')).toMatchObject({
      job_id: job.id,
      file: 'raw:hello file contents é\n',
    });
  });

  it('keeps its environment', async () => {
    const knife = knifeOf('1.1');
    const started = await knife.replay('knife with environment', 'POST');
    expect(started.status).toBe(201);
    const job = await pollToEnd(knife, 'knife with environment', (json(started) as { uri: string }).uri);

    expect(job).toMatchObject({ status: 'complete', env: { FOO: 'bar', CHEF_PUSH_JOB_ID: 'x' } });
  });
});

/** After a 400, knife assumes an old server and repeats the request in the first protocol, without most options. */
describe('the fallback of knife to the first protocol', () => {
  const FORM = 'knife 16.13.16, default signing (1.1)';
  const COMMON = '"command":"x","nodes":["away"],"quorum":0';

  it.each([
    ['the minimum', '{"command":"x","nodes":["away"]}'],
    ['the form of 1.x', `{${COMMON},"run_timeout":60}`],
    ['a run timeout of 0', `{${COMMON},"run_timeout":0}`],
    ['the longest run timeout', `{${COMMON},"run_timeout":2147483647}`],
    ['a quorum beyond the nodes', '{"command":"x","nodes":["away"],"quorum":5}'],
    ['an empty command', '{"command":"","nodes":["away"],"quorum":0}'],
    [
      'a command with quotes and umlauts',
      '{"command":"say \\"hü\\" \\u00fc \'x\' | y","nodes":["away"],"quorum":0}',
    ],
    ['the same node twice', '{"command":"x","nodes":["away","away"],"quorum":0}'],
    ['a thousand nodes', JSON.stringify({ command: 'x', nodes: manyNodes(1000), quorum: 0 })],
    ['user and folder', `{${COMMON},"user":"app","dir":"/srv/with space"}`],
    ['an empty user and folder', `{${COMMON},"user":"","dir":""}`],
    ['an empty environment', `{${COMMON},"env":{}}`],
    ['an environment', `{${COMMON},"env":{"A":"","ü":"=\\n"}}`],
    ['capture', `{${COMMON},"capture_output":true}`],
    ['no capture', `{${COMMON},"capture_output":false}`],
    ['an empty file', `{${COMMON},"file":"raw:"}`],
    ['a binary file', `{${COMMON},"file":"base64:/wA="}`],
    ['a binary file in lines, as Ruby packs it', `{${COMMON},"file":"base64:${rubyBase64(200)}"}`],
    ['the largest file', `{${COMMON},"file":"raw:${'a'.repeat(100_000)}"}`],
    [
      'all options',
      `{${COMMON},"file":"raw:x","capture_output":true,"run_timeout":1,"user":"a","dir":"/","env":{"A":"b"}}`,
    ],
  ])('is not triggered by a valid request: %s', async (_what, body) => {
    const started = await knifeOf('1.1').replay(FORM, 'POST', { body });

    expect(started.bytes.toString()).toContain('"uri"');
    expect(started.status).toBe(201);
  });

  it('is triggered by an invalid request', async () => {
    const body = '{"command":"x","nodes":[]}';

    expect((await knifeOf('1.1').replay(FORM, 'POST', { body })).status).toBe(400);
  });
});

function manyNodes(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `away${index}.example.com`);
}

/** Base64 as Ruby's `[data].pack('m')` writes it: with a line break (escaped for JSON) after every 60 characters. */
function rubyBase64(bytes: number): string {
  const text = Buffer.alloc(bytes, 0xff).toString('base64');
  return text.replace(/.{1,60}/g, '$&\\n');
}
