import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ORG, ServerUnderTest } from '../../support/server-under-test.js';
import { type PlainAnswer, sendHttp } from '../../support/http-request.js';
import { sendSigned } from '../../support/signed-sender.js';

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

let server: ServerUnderTest;
let document: ApiDocument;
let jobId: string;

beforeAll(async () => {
  server = await ServerUnderTest.start();
  document = (await sendHttp(server.url(''), { path: '/pushy/openapi.json' })).json as ApiDocument;
  await server.availableNode('web1');
  jobId = await server.startJob({ nodes: ['away'], env: { A: 'b' }, user: 'www', file: 'raw:x' });
  await server.jobBecomes(jobId, 'quorum_failed');
});
afterAll(() => server.close());

const send = (method: string, path: string, body?: object): Promise<PlainAnswer> =>
  sendSigned(
    server.url(''),
    { user: 'alice', key: server.userKey },
    {
      method,
      path: path.replace(TEMPLATE, PUSHY).replace('{id}', jobId),
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    },
  );

const operation = (method: string, path: string): Operation => {
  const found = document.paths[path]?.[method.toLowerCase()];
  if (found === undefined) throw new Error(`the document does not tell of ${method} ${path}`);
  return found;
};

/** What is wrong with an answer in the eyes of the document; empty where nothing is. */
const faults = (answer: PlainAnswer, { responses }: Operation): unknown => {
  const [type = ''] = (answer.headers['content-type'] ?? '').split(';');
  const content = responses[String(answer.status)]?.content[type];
  if (content === undefined) return `no answer ${answer.status} of ${type} is documented`;
  if (content.schema === undefined) return [];
  ajv.validate(content.schema, answer.json);
  return ajv.errors ?? [];
};

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
    ['GET', `${TEMPLATE}/jobs/{id}/output/{node}/stdout`, '', 404],
    ['GET', '/pushy/_status', '', 200],
    ['GET', '/pushy/_health', '', 200],
    ['GET', '/pushy/openapi.json', '', 200],
  ])('%s %s%s is answered as it says: %i', async (method, path, query, status, body) => {
    const answer = await send(method, `${path.replace('{node}', 'web1')}${query}`, body);
    expect(answer.status).toBe(status);
    expect(faults(answer, operation(method, path))).toEqual([]);
  });

  it('is believed: an answer that is not as it says would be noticed', async () => {
    const answer = await send('GET', `${TEMPLATE}/jobs/{id}`);
    const spoilt = { ...answer, json: { ...(answer.json as object), status: 'unheard of' } };
    expect(faults(spoilt, operation('GET', `${TEMPLATE}/jobs/{id}`))).not.toEqual([]);
    const strange = await send('GET', `${TEMPLATE}/jobs/${UNKNOWN_JOB}`);
    expect(faults({ ...strange, status: 418 }, operation('GET', `${TEMPLATE}/jobs/{id}`))).not.toEqual([]);
  });
});
