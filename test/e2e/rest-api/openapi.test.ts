import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FeedReading } from '../../support/feed-reading.js';
import { type PlainAnswer, sendHttp } from '../../support/http-request.js';
import { endRun, startRun, voteYes } from '../../support/play-job.js';
import { ORG, ServerUnderTest } from '../../support/server-under-test.js';
import { sendSigned, type TestSigner } from '../../support/signed-sender.js';
import type { SimulatedNode } from '../../support/simulated-node.js';

interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
  readonly responses: Record<string, { readonly content: Record<string, { readonly schema?: object }> }>;
}
interface ApiDocument {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
}

const PUSHY = `/organizations/${ORG}/pushy`;
const TEMPLATE = '/organizations/{org}/pushy';
const UNKNOWN_JOB = 'f'.repeat(32);
const CCPK = encodeURIComponent('rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7');

/** Milliseconds: what a simulated node is told is not disturbed by an `abort` that comes again. */
const LONG = 60_000;

const ajv = new Ajv2020({ strict: false });

let server: ServerUnderTest;
let document: ApiDocument;
let web1: SimulatedNode;
/** A job that has ended, with output of web1. */
let jobId: string;

/** What was answered in this file: `METHOD path status`. */
const answered = new Set<string>();

beforeAll(async () => {
  server = await ServerUnderTest.start({ rehab_timer: LONG, heartbeat_interval: 2_000 });
  document = (await sendHttp(server.url(''), { path: '/pushy/openapi.json' })).json as ApiDocument;
  web1 = await server.availableNode('web1');
  const options = { env: { A: 'b' }, user: 'www', file: 'raw:x', capture_output: true };
  jobId = await server.startJob({ nodes: ['web1', 'away'], quorum: 1, ...options });
  await voteYes(web1, jobId);
  await startRun(web1, jobId);
  await endRun(web1, jobId, 'succeeded', { stdout: 'done\n' });
  await server.jobBecomes(jobId, 'complete');
});
afterAll(() => server.close());

interface Sent {
  readonly signer?: Partial<TestSigner>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly id?: string;
  readonly org?: string;
}

const send = (
  method: string,
  path: string,
  body?: object | string,
  { signer, headers, id = jobId, org = ORG }: Sent = {},
): Promise<PlainAnswer> =>
  sendSigned(
    server.url(''),
    { user: 'alice', key: server.userKey, ...signer },
    {
      method,
      path: path.replace(TEMPLATE, PUSHY.replace(ORG, org)).replace('{id}', id).replace('{node}', 'web1'),
      headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    },
  );

const operation = (method: string, path: string): Operation => {
  const found = document.paths[path]?.[method.toLowerCase()];
  if (found === undefined) throw new Error(`the document does not tell of ${method} ${path}`);
  return found;
};

/** What is wrong with an answer in the eyes of the document; empty where nothing is. */
const faults = (
  answer: Pick<PlainAnswer, 'status' | 'headers' | 'json'>,
  { responses }: Operation,
): unknown => {
  const [type = ''] = (answer.headers['content-type'] ?? '').split(';');
  const content = responses[String(answer.status)]?.content[type];
  if (content === undefined) return `no answer ${answer.status} of ${type} is documented`;
  if (content.schema === undefined) return [];
  ajv.validate(content.schema, answer.json);
  return ajv.errors ?? [];
};

const expectAsDocumented = (
  method: string,
  path: string,
  status: number,
  answer: Pick<PlainAnswer, 'status' | 'headers' | 'json'>,
): void => {
  expect(answer.status).toBe(status);
  expect(faults(answer, operation(method, path))).toEqual([]);
  answered.add(`${method} ${path} ${status}`);
};

const JOBS = `${TEMPLATE}/jobs`;
const JOB = `${JOBS}/{id}`;
const FEED = `${TEMPLATE}/job_status_feed`;
const AWAY = { command: 'ls', nodes: ['away'] };
const ANY: Sent = { headers: { Accept: '*/*' } };
const UNKNOWN: Sent = { id: UNKNOWN_JOB };
const KEYED: Sent = { headers: { 'Idempotency-Key': 'one' } };

describe('the API document', () => {
  it('tells of all routes, and of no others', () => {
    const told = Object.entries(document.paths).map(([path, operations]) => [
      path,
      Object.keys(operations).sort(),
    ]);
    expect(document.openapi).toBe('3.1.0');
    expect(Object.fromEntries(told)).toEqual({
      [`${TEMPLATE}/config/{node}`]: ['get'],
      [`${TEMPLATE}/jobs`]: ['get', 'post'],
      [`${TEMPLATE}/jobs/{id}`]: ['get'],
      [`${TEMPLATE}/jobs/{id}/abort`]: ['post'],
      [`${TEMPLATE}/jobs/{id}/output/{node}/stdout`]: ['get'],
      [`${TEMPLATE}/jobs/{id}/output/{node}/stderr`]: ['get'],
      [`${TEMPLATE}/node_states`]: ['get'],
      [`${TEMPLATE}/node_states/{node}`]: ['get'],
      [`${TEMPLATE}/job_status_feed`]: ['get'],
      [`${TEMPLATE}/job_status_feed/{id}`]: ['get'],
      '/pushy/_status': ['get'],
      '/pushy/_health': ['get'],
      '/pushy/metrics': ['get'],
      '/pushy/openapi.json': ['get'],
    });
  });

  it('has a parameter for each name in a path', () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
      for (const { parameters } of Object.values(operations)) {
        expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(names);
      }
    }
  });

  it('has schemas that can be used', () => {
    for (const operations of Object.values(document.paths)) {
      for (const { parameters, responses, requestBody } of Object.values(operations)) {
        const contents = [...Object.values(responses), ...(requestBody ? [requestBody] : [])];
        const schemas = contents.flatMap(({ content }) => Object.values(content).map(({ schema }) => schema));
        for (const schema of [...schemas, ...parameters.map((one) => one.schema)]) {
          if (schema !== undefined) expect(() => ajv.compile(schema)).not.toThrow();
        }
      }
    }
  });

  it.each(['quorum', 'run_timeout'])('says how large a %s may be', async (name) => {
    const schema = operation('POST', JOBS).requestBody?.content['application/json']?.schema ?? {};
    const [largest, larger] = [2 ** 31 - 1, 2 ** 31].map((number) => ({
      ...AWAY,
      dry_run: true,
      [name]: number,
    }));
    expect([ajv.validate(schema, largest), ajv.validate(schema, larger)]).toEqual([true, false]);
    expect((await send('POST', JOBS, largest)).status).toBe(200);
    expect((await send('POST', JOBS, larger)).status).toBe(400);
  });

  it.each<[method: string, path: string, query: string, status: number, body?: object]>([
    ['GET', `${TEMPLATE}/jobs`, '', 200],
    ['GET', `${TEMPLATE}/jobs`, '?limit=1&order=newest', 200],
    ['GET', `${TEMPLATE}/jobs`, '?limit=x', 400],
    ['GET', `${TEMPLATE}/jobs/{id}`, '', 200],
    ['GET', `${TEMPLATE}/jobs/{id}`, '?details=true&include_file=true', 200],
    ['POST', `${TEMPLATE}/jobs`, '', 201, { command: 'ls', nodes: ['away'] }],
    ['POST', `${TEMPLATE}/jobs`, '', 200, { command: 'ls', nodes: ['away', 'web1'], dry_run: true }],
    ['POST', `${TEMPLATE}/jobs`, '', 400, { command: 'ls' }],
    ['POST', `${TEMPLATE}/jobs/{id}/abort`, '', 409],
    ['GET', `${TEMPLATE}/node_states`, '', 200],
    ['GET', `${TEMPLATE}/node_states`, '?details=true', 200],
    ['GET', `${TEMPLATE}/node_states/{node}`, '', 200],
    ['GET', `${TEMPLATE}/node_states/{node}`, '?details=true', 200],
    ['GET', `${TEMPLATE}/config/{node}`, `?ccpk=${CCPK}`, 200],
    ['GET', `${TEMPLATE}/config/{node}`, '', 400],
    ['GET', '/pushy/_status', '', 200],
    ['GET', '/pushy/_health', '', 200],
    ['GET', '/pushy/openapi.json', '', 200],
  ])('%s %s%s is answered as it says: %i', async (method, path, query, status, body) => {
    expectAsDocumented(method, path, status, await send(method, `${path}${query}`, body));
  });

  it.each<
    [
      what: string,
      method: string,
      path: string,
      status: number,
      body?: object | string | undefined,
      sent?: Sent,
    ]
  >([
    ['what a command wrote', 'GET', `${JOB}/output/{node}/stdout`, 200, undefined, ANY],
    ['that it wrote nothing', 'GET', `${JOB}/output/{node}/stderr`, 200, undefined, ANY],
    [
      'nothing of an unknown job',
      'GET',
      `${JOB}/output/{node}/stdout`,
      404,
      undefined,
      { ...ANY, ...UNKNOWN },
    ],
    [
      'nothing of an unknown job',
      'GET',
      `${JOB}/output/{node}/stderr`,
      404,
      undefined,
      { ...ANY, ...UNKNOWN },
    ],
    ['the feed of a job', 'GET', `${FEED}/{id}`, 200, undefined, ANY],
    ['no feed of an unknown job', 'GET', `${FEED}/{id}`, 404, undefined, { ...ANY, ...UNKNOWN }],
    ['no unknown job', 'GET', JOB, 404, undefined, UNKNOWN],
    ['no end of an unknown job', 'POST', `${JOB}/abort`, 404, undefined, UNKNOWN],
    ['the metrics', 'GET', '/pushy/metrics', 200],
    ['the first of two requests', 'POST', JOBS, 201, AWAY, KEYED],
    ['not the second, which is another', 'POST', JOBS, 422, { ...AWAY, command: 'rm' }, KEYED],
    ['a time that is off', 'POST', JOBS, 401, AWAY, { signer: { nowMs: 0 } }],
    ['an unknown organization', 'POST', JOBS, 404, AWAY, { org: 'nosuch' }],
    ['a stranger', 'POST', JOBS, 403, AWAY, { signer: { user: 'pivotal' } }],
    ['another form', 'POST', JOBS, 406, AWAY, { headers: { Accept: 'text/html' } }],
    ['too much', 'POST', JOBS, 413, 'x'.repeat(1_000_001)],
    ['a form', 'POST', JOBS, 415, AWAY, { headers: { 'Content-Type': 'text/plain' } }],
  ])('%s: %s %s is answered as it says: %i', async (_what, method, path, status, body, sent) => {
    expectAsDocumented(method, path, status, await send(method, path, body, sent));
  });

  it('tells of the answers while others that the server needs are away', async () => {
    const heal = server.chef.faults.add({ close: true });
    expectAsDocumented('POST', JOBS, 502, await send('POST', JOBS, AWAY));
    expectAsDocumented('GET', '/pushy/_health', 503, await send('GET', '/pushy/_health'));
    heal();
    await server.database.sql('ALTER TABLE jobs RENAME TO jobs_away');
    expectAsDocumented('POST', JOBS, 503, await send('POST', JOBS, AWAY));
    await server.database.sql('ALTER TABLE jobs_away RENAME TO jobs');
  });

  it('tells of the end of a job, and of the feed of an organization', async () => {
    const id = await server.startJob({ nodes: ['web1'] });
    expectAsDocumented('POST', `${JOB}/abort`, 200, await send('POST', `${JOB}/abort`, undefined, { id }));
    const feed = await FeedReading.open(server);
    const headers = { 'content-type': String(feed.headers['content-type']) };
    expectAsDocumented('GET', FEED, 200, { status: feed.status, headers, json: undefined });
    feed.close();
  });

  it('promises no answer that was not given here; what refuses every request, on one route at least', () => {
    const everywhere = new Set([...answered].map((answer) => answer.split(' ')[2]));
    const shared = new Set(Object.keys(operation('GET', `${TEMPLATE}/node_states`).responses));
    const promised = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { responses }]) =>
        Object.keys(responses).map((status) => ({
          status,
          answer: `${method.toUpperCase()} ${path} ${status}`,
        })),
      ),
    );
    const isShared = (status: string): boolean => status !== '200' && shared.has(status);
    const missing = promised.filter(
      ({ status, answer }) => !answered.has(answer) && !(isShared(status) && everywhere.has(status)),
    );
    expect(missing.map(({ answer }) => answer)).toEqual([]);
  });

  it('is believed: an answer that is not as it says would be noticed', async () => {
    const answer = await send('GET', `${TEMPLATE}/jobs/{id}`);
    const spoilt = { ...answer, json: { ...(answer.json as object), status: 'unheard of' } };
    expect(faults(spoilt, operation('GET', `${TEMPLATE}/jobs/{id}`))).not.toEqual([]);
    const strange = await send('GET', `${TEMPLATE}/jobs/${UNKNOWN_JOB}`);
    expect(faults({ ...strange, status: 418 }, operation('GET', `${TEMPLATE}/jobs/{id}`))).not.toEqual([]);
  });
});
