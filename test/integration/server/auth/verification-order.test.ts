import { createPrivateKey, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DevChefServer } from '../../../dev-chef-server/dev-chef-server.js';
import { makePrivateKey } from '../../../dev-chef-server/key-pair.js';
import { type HttpApp, startHttpApp } from '../../../support/http-app.js';
import { type PlainResponse, sendHttp } from '../../../support/http-request.js';
import { parsedBodySizes, ProtectedController } from '../../../support/protected-controller.js';
import { signedHeaders } from '../../../support/signed-sender.js';

/** The properties of a request that may be valid or invalid. */
interface Attempt {
  readonly method: string;
  readonly resource: string;
  readonly org: string;
  readonly user: string;
  readonly key: 'right' | 'wrong';
  readonly clockOffsetS: number;
  readonly without: string;
  readonly signHeader: string | undefined;
  readonly contentType: string;
  readonly body: string;
  readonly accept: string;
}

const GOOD: Attempt = {
  method: 'POST',
  resource: 'things',
  org: 'acme',
  user: 'alice',
  key: 'right',
  clockOffsetS: 0,
  without: '',
  signHeader: undefined,
  contentType: 'application/json',
  body: '{}',
  accept: 'application/json',
};

interface Fault {
  readonly name: string;
  readonly change: Partial<Attempt>;
  readonly status: number;
  readonly error: unknown;
}

/** In the order of docs/spec/rest-api.md, "Order of verification". */
const FAULTS: readonly Fault[] = [
  {
    name: 'unknown route',
    change: { resource: 'nothing' },
    status: 404,
    error: ['there is no such resource'],
  },
  { name: 'method', change: { method: 'PUT' }, status: 405, error: ['PUT is not allowed here, only POST'] },
  {
    name: 'missing headers',
    change: { without: 'X-Ops-UserId' },
    status: 400,
    error: ["missing required authentication header(s) 'X-Ops-UserId'"],
  },
  {
    name: 'clock skew',
    change: { clockOffsetS: -960 },
    status: 401,
    error: [expect.stringMatching(/^Failed to authenticate as \w+\. Synchronize the clock on your host\.$/)],
  },
  {
    name: 'signing version',
    change: { signHeader: 'version=9.9' },
    status: 400,
    error: ['Unsupported authentication protocol version'],
  },
  {
    name: 'body size',
    change: { body: 'x'.repeat(1_000_001) },
    status: 413,
    error: 'JSON must be no more than 1000000 bytes.',
  },
  {
    name: 'content type',
    change: { contentType: 'text/plain' },
    status: 415,
    error: ["Content-Type must be application/json, not 'text/plain'"],
  },
  { name: 'form of the body', change: { body: 'nonsense' }, status: 400, error: 'the body must be {}' },
  {
    name: 'organization',
    change: { org: 'nosuch' },
    status: 404,
    error: ["organization 'nosuch' does not exist."],
  },
  {
    name: 'principal',
    change: { user: 'mallory' },
    status: 401,
    error: ["Failed to authenticate as 'mallory'. Ensure that your node_name and client key are correct."],
  },
  {
    name: 'association',
    change: { user: 'eve' },
    status: 403,
    error: ["'eve' is not associated with organization 'acme'"],
  },
  {
    name: 'signature',
    change: { key: 'wrong' },
    status: 401,
    error: [expect.stringMatching(/^Invalid signature for user or client '\w+'$/)],
  },
  {
    name: 'rights',
    change: { user: 'carol' },
    status: 403,
    error: ["User or client 'carol' does not have access to that action on this server."],
  },
  {
    name: 'accept',
    change: { accept: 'text/html' },
    status: 406,
    error: ['this resource is served as application/json only'],
  },
];

const areDisjoint = (one: object, other: object): boolean => !Object.keys(one).some((key) => key in other);

/** Each fault combined with each later one that the same request can have. */
const PAIRS = FAULTS.flatMap((first, at) =>
  FAULTS.slice(at + 1)
    .filter((second) => areDisjoint(first.change, second.change))
    .map((second) => ({ first, second, title: `${first.name} before ${second.name}` })),
);

describe('a request is verified in a fixed order', () => {
  const keys = {} as Record<Attempt['key'], KeyObject>;
  let chef: DevChefServer;
  let app: HttpApp;

  const send = (changes: Partial<Attempt>): Promise<PlainResponse> => {
    const attempt = { ...GOOD, ...changes };
    const { method, body } = attempt;
    const path = `/organizations/${attempt.org}/pushy/${attempt.resource}`;
    const signer = {
      user: attempt.user,
      key: keys[attempt.key],
      nowMs: Date.now() + attempt.clockOffsetS * 1000,
    };
    const { [attempt.without]: _left, ...signed } = signedHeaders(signer, { method, path, body });
    const headers = {
      ...signed,
      ...(attempt.signHeader === undefined ? {} : { 'X-Ops-Sign': attempt.signHeader }),
      'Content-Type': attempt.contentType,
      Accept: attempt.accept,
    };
    return sendHttp(app.url, { method, path, body, headers });
  };

  beforeAll(async () => {
    const [right, wrong] = await Promise.all([makePrivateKey(), makePrivateKey()]);
    keys.right = createPrivateKey(right);
    keys.wrong = createPrivateKey(wrong);
    chef = await DevChefServer.start({ superuserKey: right });
    chef.createOrganization('acme');
    await chef.createUser('alice', { orgs: ['acme'], admin: true, privateKey: right });
    await chef.createUser('carol', { orgs: ['acme'], privateKey: right });
    await chef.createUser('eve', { privateKey: right });
    app = await startHttpApp({ chef, controllers: [ProtectedController] });
  });

  afterAll(async () => {
    await app.close();
    await chef.stop();
  });

  it('a valid request reaches its handler', async () => {
    expect(await send({})).toMatchObject({ status: 201, json: { name: 'alice' } });
  });

  it.each(FAULTS)('$name', async ({ change, status, error }) => {
    const response = await send(change);
    expect({ status: response.status, json: response.json }).toEqual({ status, json: { error } });
  });

  it.each(PAIRS)('$title', async ({ first, second }) => {
    const response = await send({ ...second.change, ...first.change });
    expect({ status: response.status, json: response.json }).toEqual({
      status: first.status,
      json: { error: first.error },
    });
  });

  it.each(FAULTS)('$name causes lookups in Chef Server only if necessary', async ({ change, name }) => {
    chef.requests.length = 0;
    await send(change);
    const isRejectedByForm = FAULTS.findIndex((fault) => fault.name === name) < 8;
    expect(chef.requests.length === 0).toBe(isRejectedByForm);
  });

  describe('a body of more than 16 KiB', () => {
    const LARGE = 'x'.repeat(16 * 1024 + 1);

    it.each(FAULTS.slice(8, 13))(
      'is not parsed if the request has another fault: $name',
      async ({ change, status, error }) => {
        parsedBodySizes.length = 0;
        const response = await send({ ...change, body: LARGE });
        expect({ status: response.status, json: response.json }).toEqual({ status, json: { error } });
        expect(parsedBodySizes).toEqual([]);
      },
    );

    it('is parsed after its sender is known, and before Accept counts', async () => {
      expect(await send({ body: LARGE, accept: 'text/html' })).toMatchObject({
        status: 400,
        json: { error: 'the body must be {}' },
      });
      expect(await send({ body: `{}${' '.repeat(LARGE.length)}` })).toMatchObject({ status: 201 });
    });

    it('is not accepted with the signature of another body', async () => {
      const path = '/organizations/acme/pushy/things';
      const signed = signedHeaders({ user: 'alice', key: keys.right }, { method: 'POST', path, body: '{}' });
      const headers = { ...signed, 'Content-Type': 'application/json' };
      expect((await sendHttp(app.url, { method: 'POST', path, body: LARGE, headers })).status).toBe(401);
    });
  });

  it.each(FAULTS.filter(({ status }) => status === 401))(
    '$name: the response says how to sign',
    async ({ change, name }) => {
      const { headers } = await send(change);
      const challenge = name === 'clock skew' ? undefined : 'X-Ops-Sign version="1.0" version="1.1"';
      expect(headers['www-authenticate']).toBe(challenge);
    },
  );
});
