import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SessionRegistry } from '../../../../src/server/keys/session-registry.js';
import { SessionSeal } from '../../../../src/server/keys/session-seal.js';
import { createLogger } from '../../../../src/shared/platform/logger.js';
import { decodeCurveKey, generateCurveKeyPair } from '../../../../src/shared/protocol/curve-key.js';
import { MemorySessionStore } from '../../../support/memory-session-store.js';

const WEB1 = { orgName: 'acme', orgId: 'a'.repeat(32), node: 'web1' };
const LIFETIME_S = 3600;
const DAY_MS = 24 * 3_600_000;
const VALIDITY_MS = 2 * LIFETIME_S * 1000;
const START = Date.UTC(2026, 10, 22, 8);

const newCurveKey = async (): Promise<string> => (await generateCurveKeyPair()).publicKey;
const rawOf = (curveKey: string): Buffer => decodeCurveKey(curveKey)!;
const newRsaKey = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;

describe('SessionRegistry', () => {
  const rsaKey = newRsaKey();
  const registries: SessionRegistry[] = [];
  let seal: SessionSeal;
  let store: MemorySessionStore;
  let sessions: SessionRegistry;
  let now: number;

  const restart = async (config_lifetime = LIFETIME_S, heartbeat_interval = 10_000) => {
    const logger = createLogger({ level: 'fatal' });
    const clock = { now: () => now };
    const registry = new SessionRegistry({
      store,
      seal,
      clock,
      logger,
      config: { config_lifetime, heartbeat_interval },
    });
    await registry.start();
    registries.push(registry);
    return registry;
  };

  beforeAll(async () => {
    seal = await SessionSeal.of(randomBytes(32).toString('base64'));
  });
  beforeEach(async () => {
    now = START;
    store = new MemorySessionStore();
    sessions = await restart();
  });
  afterEach(() => {
    for (const registry of registries.splice(0)) registry.onApplicationShutdown();
  });

  it('gives a new node a session of its own', async () => {
    const web1 = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    const web2 = await sessions.admit({ ...WEB1, node: 'web2' }, await newCurveKey(), rsaKey);

    expect(web1).toMatchObject({ address: { orgId: WEB1.orgId, node: 'web1' }, orgName: 'acme' });
    expect(web1.key).toHaveLength(32);
    expect(web1.key.equals(web2.key)).toBe(false);
    expect(sessions.find('acme', 'web1')).toBe(web1);
    expect(sessions.find('acme', 'web2')).toBe(web2);
  });

  it.each([
    ['acme', 'web9'],
    ['other', 'web1'],
    ['acme/web1', ''],
    ['constructor', '__proto__'],
  ])('finds no session for org %j and node %j', async (org, node) => {
    await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    expect(sessions.find(org, node)).toBeUndefined();
  });

  it('leaves a node its session key as long as the same RSA key verifies it', async () => {
    const session = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    const { key } = session;
    expect(await sessions.admit(WEB1, await newCurveKey(), rsaKey)).toBe(session);
    expect(session.key).toBe(key);
  });

  it('replaces the key in the same session where another RSA key verified the node', async () => {
    const session = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    const before = session.key;
    expect(await sessions.admit(WEB1, await newCurveKey(), newRsaKey())).toBe(session);
    expect(session.key.equals(before)).toBe(false);
  });

  it('refuses a Curve key that is not one', async () => {
    await expect(sessions.admit(WEB1, 'nonsense', rsaKey)).rejects.toMatchObject({
      code: 'curve_key_invalid',
    });
  });

  it('accepts the Curve keys that were named, and no others', async () => {
    const first = await newCurveKey();
    const second = await newCurveKey();
    await sessions.admit(WEB1, first, rsaKey);
    await sessions.admit(WEB1, second, rsaKey);

    expect(sessions.accepts(rawOf(first))).toBe(true);
    expect(sessions.accepts(rawOf(second))).toBe(true);
    expect(sessions.accepts(rawOf(await newCurveKey()))).toBe(false);
    expect(sessions.accepts(Buffer.alloc(0))).toBe(false);
  });

  it('accepts the newest eight Curve keys of a node that keeps naming others', async () => {
    const keys = await Promise.all(Array.from({ length: 10 }, newCurveKey));
    for (const key of keys) await sessions.admit(WEB1, key, rsaKey);

    expect(keys.map((key) => sessions.accepts(rawOf(key)))).toEqual([
      false,
      false,
      ...Array<true>(8).fill(true),
    ]);
    expect(store.curveKeys.size).toBe(8);
  });

  it('accepts a key of one node on, whichever node names it too and lets go of it', async () => {
    const key = await newCurveKey();
    await sessions.admit(WEB1, key, rsaKey);
    const others = await Promise.all(Array.from({ length: 8 }, newCurveKey));
    for (const other of [key, ...others]) await sessions.admit({ ...WEB1, node: 'web2' }, other, rsaKey);

    expect(sessions.accepts(rawOf(key))).toBe(true);
    expect((await restart()).accepts(rawOf(key))).toBe(true);
  });

  it('refuses a Curve key after twice the lifetime of a config, and forgets it a day later', async () => {
    const key = await newCurveKey();
    await sessions.admit(WEB1, key, rsaKey);
    now = START + VALIDITY_MS - 1;
    expect(sessions.accepts(rawOf(key))).toBe(true);

    now = START + VALIDITY_MS;
    await sessions.sweep();
    expect(sessions.accepts(rawOf(key))).toBe(false);
    expect(store.curveKeys.size).toBe(1);

    now = START + VALIDITY_MS + DAY_MS;
    await sessions.sweep();
    expect(store.curveKeys.size).toBe(0);
  });

  it('keeps a Curve key for at least a minute longer than a short lifetime', async () => {
    sessions = await restart(1);
    const key = await newCurveKey();
    await sessions.admit(WEB1, key, rsaKey);
    now = START + 60_999;
    expect(sessions.accepts(rawOf(key))).toBe(true);
    now = START + 61_000;
    expect(sessions.accepts(rawOf(key))).toBe(false);
  });

  it('listens to a node for twice the lifetime of a config, and again when it has fetched one', async () => {
    const session = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    now = START + VALIDITY_MS - 1;
    expect(sessions.listensTo(session)).toBe(true);
    now = START + VALIDITY_MS;
    expect(sessions.listensTo(session)).toBe(false);

    const again = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    expect(again).toBe(session);
    expect(sessions.listensTo(session)).toBe(true);
    expect(session.validUntil).toBe(now + VALIDITY_MS);
  });

  it('listens to a node and accepts its keys for days while it is busy, over a restart too', async () => {
    const key = await newCurveKey();
    await sessions.admit(WEB1, key, rsaKey);
    const busy = new Set(['web1']);
    const keep = (registry: SessionRegistry): void => registry.keepWhile(({ node }) => busy.has(node));
    keep(sessions);
    now = START + 5 * DAY_MS;
    await sessions.sweep();
    sessions = await restart();
    keep(sessions);

    const session = sessions.find('acme', 'web1')!;
    expect(sessions.accepts(rawOf(key))).toBe(true);
    expect(sessions.listensTo(session)).toBe(true);
    expect(session.validUntil).toBeLessThan(now); // but it gets no other job

    busy.clear();
    expect(sessions.accepts(rawOf(key))).toBe(false);
    now += 59_999; // it has a minute to fetch its config
    expect(sessions.listensTo(session)).toBe(true);
    now += 1;
    expect(sessions.listensTo(session)).toBe(false);
  });

  it('keeps the key that a busy node got its work by, however many its doctor names', async () => {
    const key = await newCurveKey();
    await sessions.admit(WEB1, key, rsaKey);
    sessions.keepWhile(() => true);
    const others = await Promise.all(Array.from({ length: 9 }, newCurveKey));
    for (const other of others) await sessions.admit(WEB1, other, rsaKey);

    expect(sessions.accepts(rawOf(key))).toBe(true);
    expect(sessions.accepts(rawOf(others[8]!))).toBe(true);
    expect(store.curveKeys.size).toBe(8);
  });

  it('forgets a node a day after its session was valid, in memory and in the store', async () => {
    const forgotten: string[] = [];
    sessions.whenForgotten(({ address }) => forgotten.push(address.node));
    const before = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    now = START + VALIDITY_MS;
    await sessions.admit({ ...WEB1, node: 'web2' }, await newCurveKey(), rsaKey);
    await sessions.sweep();
    expect(sessions.find('acme', 'web1')).toBe(before);
    expect(sessions.count()).toBe(1);

    now += DAY_MS;
    await sessions.sweep();
    expect(sessions.find('acme', 'web1')).toBeUndefined();
    expect([...store.sessions.values()].map(({ node }) => node)).toEqual(['web2']);
    expect(forgotten).toEqual(['web1']);

    const after = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    expect(after.key.equals(before.key)).toBe(false);
    expect(store.sessions.size).toBe(2);
  });

  it('leaves a node its session that comes back while it is about to be forgotten', async () => {
    const session = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    now = START + VALIDITY_MS + DAY_MS;
    const admission = sessions.admit(WEB1, await newCurveKey(), rsaKey);
    await sessions.sweep();
    await admission;

    expect(sessions.find('acme', 'web1')).toBe(session);
    expect(store.sessions.size).toBe(1);
  });

  it('knows sessions and Curve keys again after a restart', async () => {
    const key = await newCurveKey();
    const before = await sessions.admit(WEB1, key, rsaKey);
    sessions = await restart();

    const after = sessions.find('acme', 'web1');
    expect(after).toMatchObject({ address: before.address, orgName: 'acme', key: before.key });
    expect(sessions.accepts(rawOf(key))).toBe(true);
    expect(await sessions.admit(WEB1, key, rsaKey)).toBe(after);
    expect(after?.key).toEqual(before.key);
  });

  describe('where the interval of heartbeats is changed', () => {
    const clientKey = newCurveKey();
    beforeEach(async () => {
      await sessions.admit(WEB1, await clientKey, rsaKey);
    });
    const intervals = () => [sessions.find('acme', 'web1')?.heartbeatInterval, sessions.shortestInterval()];

    it('to a shorter one, goes by the old one for a node until that has fetched its config', async () => {
      sessions = await restart(LIFETIME_S, 2_000);
      expect(intervals()).toEqual([10_000, 2_000]);
      await sessions.admit(WEB1, await newCurveKey(), rsaKey); // its doctor does, and the client goes on as before
      await sessions.sweep();
      expect(intervals()).toEqual([10_000, 2_000]);

      await sessions.admit(WEB1, await clientKey, rsaKey);
      await sessions.sweep();
      expect(intervals()).toEqual([2_000, 2_000]);
    });

    it('to a longer one, beats for the sake of clients that have not fetched their config yet', async () => {
      await sessions.admit({ ...WEB1, node: 'web2' }, await newCurveKey(), rsaKey);
      sessions = await restart(LIFETIME_S, 40_000);
      await sessions.admit(WEB1, await clientKey, rsaKey);
      await sessions.sweep();
      expect(intervals()).toEqual([40_000, 10_000]);

      now = START + VALIDITY_MS; // web2 has not come; if it is busy, it may still
      sessions.keepWhile(({ node }) => node === 'web2');
      await sessions.sweep();
      expect(intervals()).toEqual([40_000, 10_000]);
      sessions.keepWhile(() => false);
      await sessions.sweep();
      expect(intervals()).toEqual([40_000, 40_000]);
    });
  });

  it('leaves out sessions that were sealed for another node or by another key', async () => {
    await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    const [row] = store.sessions.values();
    store.sessions.set('moved', { ...row!, node: 'web2' });
    sessions = await restart();

    expect(sessions.find('acme', 'web1')).toBeDefined();
    expect(sessions.find('acme', 'web2')).toBeUndefined();
  });

  it('drops an organization when another guid comes under its name', async () => {
    const oldKey = await newCurveKey();
    await sessions.admit(WEB1, oldKey, rsaKey);
    await sessions.admit({ ...WEB1, node: 'web2' }, await newCurveKey(), rsaKey);
    const reborn = { ...WEB1, orgId: 'b'.repeat(32) };
    const session = await sessions.admit(reborn, await newCurveKey(), rsaKey);

    expect(sessions.find('acme', 'web1')).toBe(session);
    expect(sessions.find('acme', 'web2')).toBeUndefined();
    expect(sessions.accepts(rawOf(oldKey))).toBe(false);
    expect([...store.sessions.values()].map(({ orgId }) => orgId)).toEqual([reborn.orgId]);
    expect(store.curveKeys.size).toBe(1);
  });

  it('gives one session to admissions of one node that come at once', async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, newCurveKey));
    const admitted = await Promise.all(keys.map((key) => sessions.admit(WEB1, key, rsaKey)));

    expect(new Set(admitted).size).toBe(1);
    expect(new Set(admitted.map(({ key }) => key.toString('hex'))).size).toBe(1);
    expect(keys.every((key) => sessions.accepts(rawOf(key)))).toBe(true);
  });

  it('leaves nothing behind where an admission could not be stored', async () => {
    const session = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    const before = session.key;
    const key = await newCurveKey();
    store.failure = new Error('the database is away');

    await expect(sessions.admit(WEB1, key, newRsaKey())).rejects.toThrow('away');
    await expect(sessions.admit({ ...WEB1, node: 'web2' }, key, rsaKey)).rejects.toThrow('away');
    await expect(sessions.admit({ ...WEB1, orgId: 'b'.repeat(32) }, key, rsaKey)).rejects.toThrow('away');
    expect(session.key).toBe(before);
    expect(sessions.find('acme', 'web1')).toBe(session);
    expect(sessions.find('acme', 'web2')).toBeUndefined();
    expect(sessions.accepts(rawOf(key))).toBe(false);

    store.failure = undefined;
    await sessions.admit(WEB1, key, rsaKey);
    expect(session.key).toBe(before);
    expect(sessions.accepts(rawOf(key))).toBe(true);
  });

  it('goes on where the database is away during a sweep, and catches up with the next', async () => {
    await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    now = START + VALIDITY_MS + DAY_MS;
    store.failure = new Error('the database is away');
    await sessions.sweep();

    store.failure = undefined;
    await sessions.sweep();
    expect(store.curveKeys.size).toBe(0);
  });
});
