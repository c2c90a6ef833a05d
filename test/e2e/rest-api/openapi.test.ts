import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { FeedReader } from '../../support/feed-reader.js';
import { type PlainResponse, sendHttp } from '../../support/http-request.js';
import { endRun, startRun, voteYes } from '../../support/node-steps.js';
import { sendSigned, type TestSigner } from '../../support/signed-sender.js';
import type { SimulatedNode } from '../../support/simulated-node.js';
import { QUIET_SETTINGS } from '../../support/server-settings.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

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

const ajv = new Ajv2020({ strict: false });

const server = useServer(QUIET_SETTINGS);
let document: ApiDocument;
let web1: SimulatedNode;
/** An ended job with output of web1. */
let jobId: string;

/** Responses that this file has checked: `METHOD path status`. */
const checked = new Set<string>();

beforeAll(async () => {
  document = (await sendHttp(server.url(''), { path: '/pushy/openapi.json' })).json as ApiDocument;
  web1 = await server.availableNode('web1');
  const options = { env: { A: 'b' }, user: 'www', file: 'raw:x', capture_output: true };
  jobId = await server.startJob({ nodes: ['web1', 'offline'], quorum: 1, ...options });
  await voteYes(web1, jobId);
  await startRun(web1, jobId);
  await endRun(web1, jobId, 'succeeded', { stdout: 'done\n' });
  await server.jobBecomes(jobId, 'complete');
});

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
): Promise<PlainResponse> =>
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
  if (found === undefined) throw new Error(`the document does not contain ${method} ${path}`);
  return found;
};

type CheckedResponse = Pick<PlainResponse, 'status' | 'headers' | 'json'>;

/** Validates a response against the document; returns the errors, an empty list if there are none. */
const validate = (response: CheckedResponse, { responses }: Operation): unknown => {
  const [type = ''] = (response.headers['content-type'] ?? '').split(';');
  const content = responses[String(response.status)]?.content[type];
  if (content === undefined) return `no response ${response.status} of ${type} is documented`;
  if (content.schema === undefined) return [];
  ajv.validate(content.schema, response.json);
  return ajv.errors ?? [];
};

const expectAsDocumented = (
  method: string,
  path: string,
  status: number,
  response: CheckedResponse,
): void => {
  expect(response.status).toBe(status);
  expect(validate(response, operation(method, path))).toEqual([]);
  checked.add(`${method} ${path} ${status}`);
};

const JOBS = `${TEMPLATE}/jobs`;
const JOB = `${JOBS}/{id}`;
const FEED = `${TEMPLATE}/job_status_feed`;
const REQUEST = { command: 'ls', nodes: ['offline'] };
const ANY: Sent = { headers: { Accept: '*/*' } };
const UNKNOWN: Sent = { id: UNKNOWN_JOB };
const KEYED: Sent = { headers: { 'Idempotency-Key': 'one' } };

describe('the API document', () => {
  it('contains exactly the routes of the server', () => {
    const documented = Object.entries(document.paths).map(([path, operations]) => [
      path,
      Object.keys(operations).sort(),
    ]);
    expect(document.openapi).toBe('3.1.0');
    expect(Object.fromEntries(documented)).toEqual({
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

  it('has a parameter for each placeholder of a path', () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
      for (const { parameters } of Object.values(operations)) {
        expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(names);
      }
    }
  });

  it('has valid schemas', () => {
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

  it.each(['quorum', 'run_timeout'])('has the same maximum of %s as the server', async (name) => {
    const schema = operation('POST', JOBS).requestBody?.content['application/json']?.schema ?? {};
    const [largest, larger] = [2 ** 31 - 1, 2 ** 31].map((number) => ({
      ...REQUEST,
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
    ['POST', `${TEMPLATE}/jobs`, '', 201, { command: 'ls', nodes: ['offline'] }],
    ['POST', `${TEMPLATE}/jobs`, '', 200, { command: 'ls', nodes: ['offline', 'web1'], dry_run: true }],
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
  ])('matches the response to %s %s%s: %i', async (method, path, query, status, body) => {
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
    ['output', 'GET', `${JOB}/output/{node}/stdout`, 200, undefined, ANY],
    ['empty output', 'GET', `${JOB}/output/{node}/stderr`, 200, undefined, ANY],
    [
      'output of an unknown job',
      'GET',
      `${JOB}/output/{node}/stdout`,
      404,
      undefined,
      { ...ANY, ...UNKNOWN },
    ],
    [
      'output of an unknown job',
      'GET',
      `${JOB}/output/{node}/stderr`,
      404,
      undefined,
      { ...ANY, ...UNKNOWN },
    ],
    ['the feed of a job', 'GET', `${FEED}/{id}`, 200, undefined, ANY],
    ['the feed of an unknown job', 'GET', `${FEED}/{id}`, 404, undefined, { ...ANY, ...UNKNOWN }],
    ['an unknown job', 'GET', JOB, 404, undefined, UNKNOWN],
    ['abort of an unknown job', 'POST', `${JOB}/abort`, 404, undefined, UNKNOWN],
    ['the metrics', 'GET', '/pushy/metrics', 200],
    ['the first request with an Idempotency-Key', 'POST', JOBS, 201, REQUEST, KEYED],
    [
      'another request with the same Idempotency-Key',
      'POST',
      JOBS,
      422,
      { ...REQUEST, command: 'rm' },
      KEYED,
    ],
    ['a wrong clock', 'POST', JOBS, 401, REQUEST, { signer: { nowMs: 0 } }],
    ['an unknown organization', 'POST', JOBS, 404, REQUEST, { org: 'nosuch' }],
    ['a user without the right', 'POST', JOBS, 403, REQUEST, { signer: { user: 'pivotal' } }],
    ['an unsupported Accept', 'POST', JOBS, 406, REQUEST, { headers: { Accept: 'text/html' } }],
    ['a body over the limit', 'POST', JOBS, 413, 'x'.repeat(1_000_001)],
    [
      'an unsupported Content-Type',
      'POST',
      JOBS,
      415,
      REQUEST,
      { headers: { 'Content-Type': 'text/plain' } },
    ],
  ])('matches the response for %s: %s %s: %i', async (_what, method, path, status, body, sent) => {
    expectAsDocumented(method, path, status, await send(method, path, body, sent));
  });

  it('matches the responses while Chef Server or database fail', async () => {
    const heal = server.chef.faults.add({ close: true });
    expectAsDocumented('POST', JOBS, 502, await send('POST', JOBS, REQUEST));
    expectAsDocumented('GET', '/pushy/_health', 503, await send('GET', '/pushy/_health'));
    heal();
    const response = await server.database.withoutTable('jobs', () => send('POST', JOBS, REQUEST));
    expectAsDocumented('POST', JOBS, 503, response);
  });

  it('matches the responses to an abort and to the feed of an organization', async () => {
    const id = await server.startJob({ nodes: ['web1'] });
    expectAsDocumented('POST', `${JOB}/abort`, 200, await send('POST', `${JOB}/abort`, undefined, { id }));
    const feed = await FeedReader.open(server);
    const headers = { 'content-type': String(feed.headers['content-type']) };
    expectAsDocumented('GET', FEED, 200, { status: feed.status, headers, json: undefined });
    feed.close();
  });

  it('contains no response without a test in this file; errors of every route need a test on one route', () => {
    const everywhere = new Set([...checked].map((response) => response.split(' ')[2]));
    const shared = new Set(Object.keys(operation('GET', `${TEMPLATE}/node_states`).responses));
    const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { responses }]) =>
        Object.keys(responses).map((status) => ({
          status,
          response: `${method.toUpperCase()} ${path} ${status}`,
        })),
      ),
    );
    const isShared = (status: string): boolean => status !== '200' && shared.has(status);
    const missing = documented.filter(
      ({ status, response }) => !checked.has(response) && !(isShared(status) && everywhere.has(status)),
    );
    expect(missing.map(({ response }) => response)).toEqual([]);
  });

  it('does not match a response with an unknown job status or HTTP status', async () => {
    const response = await send('GET', `${TEMPLATE}/jobs/{id}`);
    const changed = { ...response, json: { ...(response.json as object), status: 'unheard of' } };
    expect(validate(changed, operation('GET', `${TEMPLATE}/jobs/{id}`))).not.toEqual([]);
    const unknown = await send('GET', `${TEMPLATE}/jobs/${UNKNOWN_JOB}`);
    expect(validate({ ...unknown, status: 418 }, operation('GET', `${TEMPLATE}/jobs/{id}`))).not.toEqual([]);
  });
});
