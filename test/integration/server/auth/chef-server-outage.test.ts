import { createPrivateKey, type KeyObject } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DevChefServer } from '../../../dev-chef-server/dev-chef-server.js';
import type { Fault } from '../../../dev-chef-server/faults.js';
import { makePrivateKey } from '../../../dev-chef-server/key-pair.js';
import { freePort } from '../../../support/free-port.js';
import { type HttpApp, startHttpApp } from '../../../support/http-app.js';
import { ProtectedController } from '../../../support/protected-controller.js';
import { sendSigned } from '../../../support/signed-sender.js';

/** Long enough for an answer of many megabytes on a busy machine. */
const TIMEOUT_S = 1;

let pem: string;
let key: KeyObject;
let chef: DevChefServer;
let app: HttpApp;

const ask = () => sendSigned(app.url, { user: 'alice', key }, { path: '/organizations/acme/pushy/things/1' });

const unavailable = (reason: string) => ({
  status: 502,
  json: { error: [`Failed to connect to erchef to get key: ${reason}`] },
});

const startChef = async (port = 0): Promise<DevChefServer> => {
  const server = await DevChefServer.start({ superuserKey: pem, port });
  server.createOrganization('acme');
  await server.createUser('alice', { orgs: ['acme'], privateKey: pem });
  server.setGroup('acme', 'pushy_job_readers', { users: ['alice'] });
  return server;
};

beforeAll(async () => {
  pem = await makePrivateKey();
  key = createPrivateKey(pem);
  chef = await startChef();
});

beforeEach(async () => {
  app = await startHttpApp({ chef, controllers: [ProtectedController], chefServer: { timeout: TIMEOUT_S } });
});

afterEach(async () => {
  chef.faults.clear();
  await app.close();
});

afterAll(() => chef.stop());

const BROKEN: readonly [string, Fault, string][] = [
  ['gives no answer', { until: new Promise(() => undefined) }, 'no answer in time'],
  ['cuts every connection', { close: true }, 'no connection'],
  ['answers 500', { status: 500 }, 'answer with status 500'],
  ['answers 403', { status: 403 }, 'answer with status 403'],
  [
    'sends somewhere else',
    { status: 302, headers: { Location: 'http://127.0.0.1:1/' } },
    'answer with status 302',
  ],
  ['answers with a page', { body: '<html>' }, 'unreadable answer'],
  [
    'answers with JSON of another form',
    { body: '{"principals":[{"name":1}],"guid":"x"}' },
    'unreadable answer',
  ],
  ['answers with null', { body: 'null' }, 'unreadable answer'],
  ['answers with nothing', { body: '' }, 'unreadable answer'],
  ['answers with more than anybody needs', { body: 'x'.repeat(9 * 1024 * 1024) }, 'unreadable answer'],
];

describe('where the Chef Server', () => {
  it.each(BROKEN)('%s for principals, a request gets 502', async (_what, fault, reason) => {
    chef.faults.add({ ...fault, on: /principals/ });
    expect(await ask()).toMatchObject(unavailable(reason));
  });

  it.each(BROKEN)('%s for the organization, a request gets 502', async (_what, fault, reason) => {
    chef.faults.add({ ...fault, on: /organizations\/acme$/ });
    expect(await ask()).toMatchObject(unavailable(reason));
  });

  it.each(BROKEN.filter(([, { status }]) => status === undefined))(
    '%s for groups, a request gets 502',
    async (_what, fault, reason) => {
      chef.faults.add({ ...fault, on: /groups/ });
      expect(await ask()).toMatchObject(unavailable(reason));
    },
  );

  it('is hidden behind a proxy that answers 404 with a page, nobody passes', async () => {
    chef.deleteGroup('acme', 'pushy_job_readers');
    const mend = chef.faults.add({ on: /groups/, status: 404, body: '<html>404</html>' });
    expect((await ask()).status).toBe(403);
    mend();
    expect((await ask()).status).toBe(200);
    chef.faults.add({ on: /principals/, status: 404, body: '<html>404</html>' });
    expect(await ask()).toMatchObject(unavailable('unreadable answer with status 404'));
    chef.setGroup('acme', 'pushy_job_readers', { users: ['alice'] });
  });

  it('is slow, a request gets its 502 in time', async () => {
    chef.faults.add({ until: new Promise(() => undefined) });
    const begun = performance.now();
    expect(await ask()).toMatchObject(unavailable('no answer in time'));
    expect(performance.now() - begun).toBeLessThan(TIMEOUT_S * 1000 * 3);
  });

  it('is slow for each of many nested groups, a request gets its 502 in time', async () => {
    chef.setGroup('acme', 'pushy_job_readers', { groups: ['deep0'] });
    for (let depth = 0; depth < 50; depth++)
      chef.setGroup('acme', `deep${depth}`, { groups: [`deep${depth + 1}`] });
    chef.faults.add({ on: /groups/, delayMs: TIMEOUT_S * 300 });
    const begun = performance.now();
    expect(await ask()).toMatchObject(unavailable('no answer in time'));
    expect(performance.now() - begun).toBeLessThan(TIMEOUT_S * 1000 * 5);
    chef.setGroup('acme', 'pushy_job_readers', { users: ['alice'] });
  });

  it('cuts one connection, it is asked once more', async () => {
    chef.faults.add({ on: /principals/, close: true, times: 1 });
    expect(await ask()).toMatchObject({ status: 200 });
  });

  it('may take some time that is no whole number of milliseconds, requests are served', async () => {
    await app.close();
    const chefServer = { timeout: TIMEOUT_S + 0.0005 };
    app = await startHttpApp({ chef, controllers: [ProtectedController], chefServer });
    expect((await ask()).status).toBe(200);
    chef.faults.add({ until: new Promise(() => undefined) });
    expect(await ask()).toMatchObject(unavailable('no answer in time'));
  });

  it('is mended, the next request is served', async () => {
    chef.faults.add({ status: 500 });
    expect((await ask()).status).toBe(502);
    chef.faults.clear();
    expect((await ask()).status).toBe(200);
  });

  it('is away and comes back, the next request is served', async () => {
    const port = await freePort();
    const away = await startHttpApp({
      chef: { url: `http://127.0.0.1:${port}`, superuserKey: pem },
      controllers: [ProtectedController],
    });
    const askAway = () =>
      sendSigned(away.url, { user: 'alice', key }, { path: '/organizations/acme/pushy/things/1' });
    expect(await askAway()).toMatchObject(unavailable('no connection'));
    const back = await startChef(port);
    expect(await askAway()).toMatchObject({ status: 200 });
    await away.close();
    await back.stop();
  });
});

describe('the log', () => {
  const warnings = () => app.log.filter(({ level }) => level === 'warn');

  it('says why, once for each kind of trouble', async () => {
    chef.faults.add({ on: /principals/, close: true });
    for (let time = 0; time < 3; time++) await ask();
    expect(warnings()).toEqual([
      expect.objectContaining({
        scope: 'auth',
        question: 'principals',
        reason: 'no connection',
        detail: expect.stringContaining(
          `cannot reach ${chef.url}/organizations/acme/principals/alice`,
        ) as unknown,
      }),
    ]);
    chef.faults.clear();
    chef.faults.add({ on: /groups/, body: 'garbage' });
    await ask();
    expect(warnings().at(-1)).toMatchObject({ question: 'group', reason: 'unreadable answer' });
  });

  it('has nothing about a request that is refused for its sender', async () => {
    await sendSigned(app.url, { user: 'mallory', key }, { path: '/organizations/acme/pushy/things/1' });
    expect(app.log).toEqual([]);
  });
});
