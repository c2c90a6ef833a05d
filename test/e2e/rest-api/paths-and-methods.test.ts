import { describe, expect, it, beforeAll } from 'vitest';
import { type PlainResponse, sendHttp } from '../../support/http-request.js';
import { sendSigned } from '../../support/signed-sender.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

const PUSHY = `/organizations/${ORG}/pushy`;
const UNKNOWN_JOB = 'f'.repeat(32);

const server = useServer();

const get = (path: string): Promise<PlainResponse> =>
  sendSigned(server.url(''), { user: 'alice', key: server.userKey }, { path: `${PUSHY}/${path}` });

describe('paths and methods', () => {
  it.each(['jobs/', 'node_states/', 'node_states/web1/', '/jobs'])(
    '%s is the same resource',
    async (path) => {
      expect((await get(path)).status).toBe(200);
    },
  );

  it.each(['/pushy/_status/', '//pushy//_status'])('%s is the same resource', async (path) => {
    expect((await sendHttp(server.url(''), { path })).status).toBe(200);
  });

  it.each(['GET', 'POST', 'OPTIONS', 'DELETE'])('%s config/ without a node gets 404', async (method) => {
    const response = await sendHttp(server.url(''), { method, path: `${PUSHY}/config/` });
    expect(response).toMatchObject({ status: 404, json: { error: ['there is no such resource'] } });
  });

  const SERVED: readonly (readonly [path: string, allow: string])[] = [
    [`${PUSHY}/config/web1`, 'GET'],
    [`${PUSHY}/jobs`, 'GET, POST'],
    [`${PUSHY}/jobs/${UNKNOWN_JOB}`, 'GET'],
    [`${PUSHY}/jobs/${UNKNOWN_JOB}/output/web1/stdout`, 'GET'],
    [`${PUSHY}/jobs/${UNKNOWN_JOB}/output/web1/stderr`, 'GET'],
    [`${PUSHY}/jobs/${UNKNOWN_JOB}/abort`, 'POST'],
    [`${PUSHY}/node_states`, 'GET'],
    [`${PUSHY}/node_states/web1`, 'GET'],
    [`${PUSHY}/job_status_feed`, 'GET'],
    [`${PUSHY}/job_status_feed/${UNKNOWN_JOB}`, 'GET'],
    ['/pushy/_status', 'GET'],
  ];
  const METHODS = ['HEAD', 'OPTIONS', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'];

  it.each(SERVED)('%s allows only %s', async (path, allow) => {
    const served = allow.split(', ');
    for (const method of METHODS.filter((name) => !served.includes(name))) {
      const { status, headers, json } = await sendHttp(server.url(''), { method, path });
      expect({ method, status, allow: headers.allow }).toEqual({ method, status: 405, allow });
      if (method !== 'HEAD') {
        expect(json).toEqual({ error: [`${method} is not allowed here, only ${allow}`] });
      }
    }
  });
});

describe('the config of any node with validate_client_node_name: false', () => {
  beforeAll(() => server.restart({ validate_client_node_name: false }));

  it.each([
    ['with a NUL', 'a%00b', 400],
    ['that is too long', 'n'.repeat(1025), 400],
    ['that is just not too long', 'n'.repeat(1024), 200],
    ['with path segments', '%2e%2e%2fweb1', 200],
  ])('is requested by a name %s: %s', async (_what, name, status) => {
    const { curve } = await server.createIdentity('web1');
    const { status: answered, json } = await get(
      `config/${name}?ccpk=${encodeURIComponent(curve.publicKey)}`,
    );
    expect(answered).toBe(status);
    if (status === 400)
      expect(json).toEqual({ error: ['the name of a node is 1 to 1024 bytes without NUL'] });
  });
});
