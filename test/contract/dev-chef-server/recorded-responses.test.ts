import { readFileSync } from 'node:fs';
import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/lib/clock.js';
import { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import { SignedHttp } from '../../../src/shared/platform/http/signed-http.js';
import { DevChefServer } from '../../dev-chef-server/dev-chef-server.js';
import { makePrivateKey } from '../../dev-chef-server/key-pair.js';

interface RecordedResponse {
  readonly request: string;
  readonly status: string;
  readonly header: string;
  readonly body: string;
}

const { answers: recordings } = JSON.parse(
  readFileSync(new URL('../../fixtures/chef-server-answers.json', import.meta.url), 'utf8'),
) as { answers: RecordedResponse[] };

/** Form of a recorded request: `GET principals/alice api=1 (remark)`; also with a whole path and `signed by pivotal`. */
const REQUEST = /^GET (?<path>\S+)(?: api=(?<version>\w+))?(?<signed> signed by pivotal)?/;

const GUID = 'a04385636728e8275e07fc4cf902d738';

/** Removes what differs between servers: keys and authz ids. */
const withoutIds = (body: string): unknown =>
  JSON.parse(body, (key, value: unknown) => (key === 'public_key' || key === 'authz_id' ? '…' : value));

describe('the development Chef Server responds like the recorded Chef Server', () => {
  const http = new HttpClient();
  let chef: DevChefServer;
  let pivotal: SignedHttp;

  beforeAll(async () => {
    const privateKey = await makePrivateKey();
    chef = await DevChefServer.start({ superuserKey: privateKey });
    pivotal = new SignedHttp(http, { userId: 'pivotal', key: createPrivateKey(privateKey) }, systemClock);
    chef.createOrganization('acme', { fullName: 'Acme Corp', guid: GUID });
    for (const name of ['alice', 'multi', 'dual'])
      await chef.createUser(name, { orgs: ['acme'], privateKey });
    await chef.createUser('eve', { privateKey });
    await chef.addKey({ name: 'multi' }, 'second', { privateKey });
    for (const name of ['node1', 'dual', 'ci']) await chef.createClient('acme', name, { privateKey });
    chef.setGroup('acme', 'pushy_job_writers', {
      users: ['alice', 'dual', 'multi'],
      clients: ['ci'],
      groups: ['deployers'],
    });
  });

  afterAll(async () => {
    await chef.stop();
    await http.close();
  });

  it.each(recordings)('to $request', async ({ request, status, header, body }) => {
    const { path = '', version, signed } = REQUEST.exec(request)?.groups ?? {};
    const response = await (signed === undefined ? http : pivotal).send({
      method: 'GET',
      url: `${chef.url}${path.startsWith('/') ? path : `/organizations/acme/${path}`}`,
      headers: version === undefined || version === 'none' ? {} : { 'X-Ops-Server-API-Version': version },
    });
    if (!response.ok) throw new Error(response.error.reason);
    expect(`${response.value.status}`).toBe(status.split(' ')[1]);
    expect(`X-Ops-Server-API-Version: ${String(response.value.headers['x-ops-server-api-version'])}`).toBe(
      header,
    );
    expect(withoutIds(response.value.body.toString())).toEqual(withoutIds(body));
  });
});
