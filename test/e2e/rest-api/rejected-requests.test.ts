import { createPrivateKey, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makePrivateKey } from '../../dev-chef-server/key-pair.js';
import { type PlainResponse, sendHttp } from '../../support/http-request.js';
import { signedHeaders } from '../../support/signed-sender.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

/** A request to the server; each row of the tables changes a valid one. */
interface Attempt {
  readonly method: string;
  /** Below `/organizations/ORG/pushy/`. */
  readonly path: string;
  readonly org: string;
  readonly user: string;
  readonly key: 'right' | 'wrong';
  readonly clockOffsetS: number;
  /** Changed headers; undefined removes a header. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

const JOB = JSON.stringify({ command: 'chef-client', nodes: ['web1'] });
const UNKNOWN_JOB = '0'.repeat(32);
const CCPK = encodeURIComponent('rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7');

const VALID: Attempt = {
  method: 'POST',
  path: 'jobs',
  org: ORG,
  user: 'alice',
  key: 'right',
  clockOffsetS: 0,
  headers: {},
  body: JOB,
};
const READ = { method: 'GET', path: 'jobs', body: '' } as const;
const NO_SIGNATURE = Object.fromEntries(
  Array.from({ length: 9 }, (_, index) => [`X-Ops-Authorization-${index + 1}`, undefined]),
);

const server = useServer();
const keys = {} as Record<Attempt['key'], KeyObject>;

const send = (change: Partial<Attempt>): Promise<PlainResponse> => {
  const { method, path, org, user, key, clockOffsetS, headers, body } = { ...VALID, ...change };
  const target = `/organizations/${org}/pushy/${path}`;
  const nowMs = Date.now() + clockOffsetS * 1000;
  const sent: Record<string, string | undefined> = {
    ...signedHeaders({ user, key: keys[key], nowMs }, { method, path: target, body }),
    ...(method === 'POST' ? { 'Content-Type': 'application/json' } : {}),
    ...headers,
  };
  const left = Object.entries(sent).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return sendHttp(server.url(''), {
    method,
    path: target,
    headers: Object.fromEntries(left),
    ...(body === '' ? {} : { body }),
  });
};

beforeAll(async () => {
  keys.right = server.userKey;
  keys.wrong = createPrivateKey(await makePrivateKey());
  const privateKey = server.userPem;
  await server.chef.createUser('bob', { orgs: [ORG], privateKey });
  await server.chef.createUser('eve', { privateKey });
  await server.chef.createClient(ORG, 'web1', { privateKey });
});

type Row = readonly [fault: string, change: Partial<Attempt>, status: number, error: unknown];

const NO_ACCESS = ["User or client 'bob' does not have access to that action on this server."];

/** Each on the route that starts a job. See docs/spec/rest-api.md, "Authentication". */
const FAULTS: readonly Row[] = [
  [
    'missing headers, named in their order',
    { headers: { 'X-Ops-Sign': undefined, 'X-Ops-UserId': undefined } },
    400,
    ["missing required authentication header(s) 'X-Ops-UserId', 'X-Ops-Sign'"],
  ],
  [
    'empty headers',
    { headers: { 'X-Ops-Content-Hash': '', 'X-Ops-Timestamp': '' } },
    400,
    ["missing required authentication header(s) 'X-Ops-Timestamp', 'X-Ops-Content-Hash'"],
  ],
  [
    'an unreadable timestamp',
    { headers: { 'X-Ops-Timestamp': 'yesterday' } },
    401,
    ["bad header(s) 'X-Ops-Timestamp'"],
  ],
  [
    'a clock that is behind',
    { clockOffsetS: -960 },
    401,
    ['Failed to authenticate as alice. Synchronize the clock on your host.'],
  ],
  [
    'a clock that is ahead',
    { clockOffsetS: 960 },
    401,
    ['Failed to authenticate as alice. Synchronize the clock on your host.'],
  ],
  [
    'an unknown signing version',
    { headers: { 'X-Ops-Sign': 'algorithm=sha1;version=2.0;' } },
    400,
    ['Unsupported authentication protocol version'],
  ],
  [
    'a body over the limit',
    { body: JSON.stringify({ command: 'x'.repeat(1_000_000) }) },
    413,
    'JSON must be no more than 1000000 bytes.',
  ],
  ['an unknown organization', { org: 'nosuch' }, 404, ["organization 'nosuch' does not exist."]],
  [
    'an unknown user or client',
    { user: 'mallory' },
    401,
    ["Failed to authenticate as 'mallory'. Ensure that your node_name and client key are correct."],
  ],
  ['an invalid signature', { key: 'wrong' }, 401, ["Invalid signature for user or client 'alice'"]],
  ['a missing signature', { headers: NO_SIGNATURE }, 401, ["Invalid signature for user or client 'alice'"]],
  [
    'a principal of another organization',
    { user: 'eve' },
    403,
    ["'eve' is not associated with organization 'acme'"],
  ],
  ['a missing right', { user: 'bob' }, 403, NO_ACCESS],
  [
    'a Content-Type that is not JSON',
    { headers: { 'Content-Type': 'text/plain' } },
    415,
    ["Content-Type must be application/json, not 'text/plain'"],
  ],
  ['an unsupported Accept', { headers: { Accept: 'text/html' } }, 406, expect.any(Array)],
  [
    'the config of another node',
    { ...READ, path: `config/web2?ccpk=${CCPK}`, user: 'web1' },
    403,
    ['Client and node name must match'],
  ],
  ['the config without ccpk', { ...READ, path: 'config/web1', user: 'web1' }, 400, ['Missing ccpk']],
  [
    'the config with a short ccpk',
    { ...READ, path: 'config/web1?ccpk=abc', user: 'web1' },
    401,
    ['Bad ccpk'],
  ],
];

/** Requests with two faults: the error of the earlier check wins. See docs/spec/rest-api.md, "Order of verification". */
const ORDER: readonly Row[] = [
  ['unknown route before method', { path: 'nothing', method: 'PATCH' }, 404, ['there is no such resource']],
  [
    'method before headers',
    { method: 'PUT', headers: { 'X-Ops-UserId': undefined } },
    405,
    ['PUT is not allowed here, only GET, POST'],
  ],
  [
    'headers before size',
    { headers: { 'X-Ops-UserId': undefined }, body: 'x'.repeat(1_000_001) },
    400,
    ["missing required authentication header(s) 'X-Ops-UserId'"],
  ],
  [
    'size before content type',
    { body: 'x'.repeat(1_000_001), headers: { 'Content-Type': 'text/plain' } },
    413,
    'JSON must be no more than 1000000 bytes.',
  ],
  [
    'content type before job body',
    { headers: { 'Content-Type': 'text/plain' }, body: '{}' },
    415,
    ["Content-Type must be application/json, not 'text/plain'"],
  ],
  ['job body before organization', { body: '{}', org: 'nosuch' }, 400, 'invalid command supplied'],
  ['job body before signature', { body: '{}', key: 'wrong' }, 400, 'invalid command supplied'],
  [
    'ccpk before organization',
    { ...READ, path: 'config/web1', org: 'nosuch', user: 'mallory' },
    400,
    ['Missing ccpk'],
  ],
  [
    'organization before principal',
    { org: 'nosuch', user: 'mallory' },
    404,
    ["organization 'nosuch' does not exist."],
  ],
  [
    'association before signature',
    { user: 'eve', key: 'wrong' },
    403,
    ["'eve' is not associated with organization 'acme'"],
  ],
  [
    'signature before rights',
    { user: 'bob', key: 'wrong' },
    401,
    ["Invalid signature for user or client 'bob'"],
  ],
  ['rights before Accept', { user: 'bob', headers: { Accept: 'text/html' } }, 403, NO_ACCESS],
  [
    'signature before Accept and existence',
    { ...READ, path: `jobs/${UNKNOWN_JOB}`, key: 'wrong', headers: { Accept: 'text/html' } },
    401,
    ["Invalid signature for user or client 'alice'"],
  ],
  [
    'Accept before existence: a job',
    { ...READ, path: `jobs/${UNKNOWN_JOB}`, headers: { Accept: 'text/html' } },
    406,
    ['this resource is served as application/json only'],
  ],
  [
    'Accept before existence: a feed',
    { ...READ, path: `job_status_feed/${UNKNOWN_JOB}`, headers: { Accept: 'application/json' } },
    406,
    ['this resource is served as text/event-stream only'],
  ],
  [
    'Accept before existence: output',
    { ...READ, path: `jobs/${UNKNOWN_JOB}/output/web1/stdout`, headers: { Accept: 'application/json' } },
    406,
    ['this resource is served as application/octet-stream only'],
  ],
];

describe('a request', () => {
  it.each(FAULTS)('is rejected for %s', async (_fault, change, status, error) => {
    const response = await send(change);
    expect({ status: response.status, json: response.json }).toEqual({ status, json: { error } });
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it.each(ORDER)('is checked in order: %s', async (_fault, change, status, error) => {
    const response = await send(change);
    expect({ status: response.status, json: response.json }).toEqual({ status, json: { error } });
  });

  it('gets WWW-Authenticate with a 401 for signature or principal, not for the clock', async () => {
    const challenge = 'X-Ops-Sign version="1.0" version="1.1"';
    expect((await send({ key: 'wrong' })).headers['www-authenticate']).toBe(challenge);
    expect((await send({ user: 'mallory' })).headers['www-authenticate']).toBe(challenge);
    expect((await send({ clockOffsetS: 960 })).headers['www-authenticate']).toBeUndefined();
  });

  it('gets 502 while the Chef Server is unreachable', async () => {
    const heal = server.chef.faults.add({ on: /principals/, close: true });
    const response = await send({});
    heal();
    expect(response).toMatchObject({
      status: 502,
      json: { error: ['Failed to connect to erchef to get key: no connection'] },
    });
  });

  it('starts no job if it is rejected', async () => {
    expect((await send(READ)).json).toEqual([]);
  });
});
