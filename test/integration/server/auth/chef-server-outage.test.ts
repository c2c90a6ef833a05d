import { createPrivateKey, type KeyObject } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DevChefServer } from '../../../dev-chef-server/dev-chef-server.js';
import type { Fault } from '../../../dev-chef-server/faults.js';
import { makePrivateKey } from '../../../dev-chef-server/key-pair.js';
import { freePort } from '../../../support/free-port.js';
import { type HttpApp, startHttpApp } from '../../../support/http-app.js';
import { ProtectedController } from '../../../support/protected-controller.js';
import { sendSigned } from '../../../support/signed-sender.js';

/** Long enough for a response of many megabytes on a busy machine. */
const TIMEOUT_S = 1;

let pem: string;
let key: KeyObject;
let chef: DevChefServer;
let app: HttpApp;

const send = () =>
  sendSigned(app.url, { user: 'alice', key }, { path: '/organizations/acme/pushy/things/1' });

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
  ['does not respond', { until: new Promise(() => undefined) }, 'no answer in time'],
  ['closes every connection', { close: true }, 'no connection'],
  ['responds with 500', { status: 500 }, 'answer with status 500'],
  ['responds with 403', { status: 403 }, 'answer with status 403'],
  ['redirects', { status: 302, headers: { Location: 'http://127.0.0.1:1/' } }, 'answer with status 302'],
  ['responds with HTML', { body: '<html>' }, 'unreadable answer'],
  [
    'responds with JSON of another shape',
    { body: '{"principals":[{"name":1}],"guid":"x"}' },
    'unreadable answer',
  ],
  ['responds with null', { body: 'null' }, 'unreadable answer'],
  ['responds with an empty body', { body: '' }, 'unreadable answer'],
  ['responds with 9 MB', { body: 'x'.repeat(9 * 1024 * 1024) }, 'unreadable answer'],
];

describe('if Chef Server', () => {
  it.each(BROKEN)('%s for principals, the server responds with 502', async (_what, fault, reason) => {
    chef.faults.add({ ...fault, on: /principals/ });
    expect(await send()).toMatchObject(unavailable(reason));
  });

  it.each(BROKEN)('%s for the organization, the server responds with 502', async (_what, fault, reason) => {
    chef.faults.add({ ...fault, on: /organizations\/acme$/ });
    expect(await send()).toMatchObject(unavailable(reason));
  });

  it.each(BROKEN.filter(([, { status }]) => status === undefined))(
    '%s for groups, the server responds with 502',
    async (_what, fault, reason) => {
      chef.faults.add({ ...fault, on: /groups/ });
      expect(await send()).toMatchObject(unavailable(reason));
    },
  );

  it('is behind a proxy that responds with 404 and HTML, nobody is authorized', async () => {
    chef.deleteGroup('acme', 'pushy_job_readers');
    const removeFault = chef.faults.add({ on: /groups/, status: 404, body: '<html>404</html>' });
    expect((await send()).status).toBe(403);
    removeFault();
    expect((await send()).status).toBe(200);
    chef.faults.add({ on: /principals/, status: 404, body: '<html>404</html>' });
    expect(await send()).toMatchObject(unavailable('unreadable answer with status 404'));
    chef.setGroup('acme', 'pushy_job_readers', { users: ['alice'] });
  });

  it('never responds, the server responds with 502', async () => {
    chef.faults.add({ until: new Promise(() => undefined) });
    expect(await send()).toMatchObject(unavailable('no answer in time'));
  });

  it('is slow for each of many nested groups, the server responds with 502 before it has read all', async () => {
    chef.setGroup('acme', 'pushy_job_readers', { groups: ['deep0'] });
    for (let depth = 0; depth < 50; depth++)
      chef.setGroup('acme', `deep${depth}`, { groups: [`deep${depth + 1}`] });
    chef.faults.add({ on: /groups/, delayMs: TIMEOUT_S * 300 });
    const before = chef.requests.length;
    expect(await send()).toMatchObject(unavailable('no answer in time'));
    expect(chef.requests.length - before).toBeLessThan(50);
    chef.setGroup('acme', 'pushy_job_readers', { users: ['alice'] });
  });

  it('closes one connection, the server retries once', async () => {
    chef.faults.add({ on: /principals/, close: true, times: 1 });
    expect(await send()).toMatchObject({ status: 200 });
  });

  it('has a timeout that is not a whole number of milliseconds, requests are served', async () => {
    await app.close();
    const chefServer = { timeout: TIMEOUT_S + 0.0005 };
    app = await startHttpApp({ chef, controllers: [ProtectedController], chefServer });
    expect((await send()).status).toBe(200);
    chef.faults.add({ until: new Promise(() => undefined) });
    expect(await send()).toMatchObject(unavailable('no answer in time'));
  });

  it('recovers, the next request is served', async () => {
    chef.faults.add({ status: 500 });
    expect((await send()).status).toBe(502);
    chef.faults.clear();
    expect((await send()).status).toBe(200);
  });

  it('is unreachable and comes back, the next request is served', async () => {
    const port = await freePort();
    const waiting = await startHttpApp({
      chef: { url: `http://127.0.0.1:${port}`, superuserKey: pem },
      controllers: [ProtectedController],
    });
    const sendToWaiting = () =>
      sendSigned(waiting.url, { user: 'alice', key }, { path: '/organizations/acme/pushy/things/1' });
    expect(await sendToWaiting()).toMatchObject(unavailable('no connection'));
    const back = await startChef(port);
    expect(await sendToWaiting()).toMatchObject({ status: 200 });
    await waiting.close();
    await back.stop();
  });
});

describe('the log', () => {
  const warnings = () => app.log.filter(({ level }) => level === 'warn');

  it('contains the reason, once per kind of problem', async () => {
    chef.faults.add({ on: /principals/, close: true });
    for (let time = 0; time < 3; time++) await send();
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
    await send();
    expect(warnings().at(-1)).toMatchObject({ question: 'group', reason: 'unreadable answer' });
  });

  it('contains nothing about a request that is rejected for its sender', async () => {
    await sendSigned(app.url, { user: 'mallory', key }, { path: '/organizations/acme/pushy/things/1' });
    expect(app.log).toEqual([]);
  });
});
