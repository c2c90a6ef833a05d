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
    seal = await SessionSeal.create(randomBytes(32).toString('base64'));
  });
  beforeEach(async () => {
    now = START;
    store = new MemorySessionStore();
    sessions = await restart();
  });
  afterEach(() => {
    for (const registry of registries.splice(0)) registry.onApplicationShutdown();
  });

  it('creates a session for a new node', async () => {
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

  it('keeps the session key of a node as long as the same RSA key verifies it', async () => {
    const session = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    const { key } = session;
    expect(await sessions.admit(WEB1, await newCurveKey(), rsaKey)).toBe(session);
    expect(session.key).toBe(key);
  });

  it('replaces the key in the same session if another RSA key verified the node', async () => {
    const session = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    const before = session.key;
    expect(await sessions.admit(WEB1, await newCurveKey(), newRsaKey())).toBe(session);
    expect(session.key.equals(before)).toBe(false);
  });

  it('rejects an invalid Curve key', async () => {
    await expect(sessions.admit(WEB1, 'nonsense', rsaKey)).rejects.toMatchObject({
      code: 'curve_key_invalid',
    });
  });

  it('accepts only Curve keys that were registered', async () => {
    const first = await newCurveKey();
    const second = await newCurveKey();
    await sessions.admit(WEB1, first, rsaKey);
    await sessions.admit(WEB1, second, rsaKey);

    expect(sessions.acceptsCurveKey(rawOf(first))).toBe(true);
    expect(sessions.acceptsCurveKey(rawOf(second))).toBe(true);
    expect(sessions.acceptsCurveKey(rawOf(await newCurveKey()))).toBe(false);
    expect(sessions.acceptsCurveKey(Buffer.alloc(0))).toBe(false);
  });

  it('accepts only the newest eight Curve keys of a node', async () => {
    const keys = await Promise.all(Array.from({ length: 10 }, newCurveKey));
    for (const key of keys) await sessions.admit(WEB1, key, rsaKey);

    expect(keys.map((key) => sessions.acceptsCurveKey(rawOf(key)))).toEqual([
      false,
      false,
      ...Array<true>(8).fill(true),
    ]);
    expect(store.curveKeys.size).toBe(8);
  });

  it('keeps a key of one node when another node registers the same key and loses it again', async () => {
    const key = await newCurveKey();
    await sessions.admit(WEB1, key, rsaKey);
    const others = await Promise.all(Array.from({ length: 8 }, newCurveKey));
    for (const other of [key, ...others]) await sessions.admit({ ...WEB1, node: 'web2' }, other, rsaKey);

    expect(sessions.acceptsCurveKey(rawOf(key))).toBe(true);
    expect((await restart()).acceptsCurveKey(rawOf(key))).toBe(true);
  });

  it('rejects a Curve key after twice the config lifetime, and deletes it a day later', async () => {
    const key = await newCurveKey();
    await sessions.admit(WEB1, key, rsaKey);
    now = START + VALIDITY_MS - 1;
    expect(sessions.acceptsCurveKey(rawOf(key))).toBe(true);

    now = START + VALIDITY_MS;
    await sessions.sweep();
    expect(sessions.acceptsCurveKey(rawOf(key))).toBe(false);
    expect(store.curveKeys.size).toBe(1);

    now = START + VALIDITY_MS + DAY_MS;
    await sessions.sweep();
    expect(store.curveKeys.size).toBe(0);
  });

  it('keeps a Curve key for at least a minute longer than a short config lifetime', async () => {
    sessions = await restart(1);
    const key = await newCurveKey();
    await sessions.admit(WEB1, key, rsaKey);
    now = START + 60_999;
    expect(sessions.acceptsCurveKey(rawOf(key))).toBe(true);
    now = START + 61_000;
    expect(sessions.acceptsCurveKey(rawOf(key))).toBe(false);
  });

  it('accepts messages of a node for twice the config lifetime, and again after the next config fetch', async () => {
    const session = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    now = START + VALIDITY_MS - 1;
    expect(sessions.acceptsMessagesOf(session)).toBe(true);
    now = START + VALIDITY_MS;
    expect(sessions.acceptsMessagesOf(session)).toBe(false);

    const again = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    expect(again).toBe(session);
    expect(sessions.acceptsMessagesOf(session)).toBe(true);
    expect(session.validUntil).toBe(now + VALIDITY_MS);
  });

  it('accepts messages and keys of a busy node for days, also after a restart', async () => {
    const key = await newCurveKey();
    await sessions.admit(WEB1, key, rsaKey);
    const busy = new Set(['web1']);
    const registerBusy = (registry: SessionRegistry): void =>
      registry.registerBusyCheck(({ node }) => busy.has(node));
    registerBusy(sessions);
    now = START + 5 * DAY_MS;
    await sessions.sweep();
    sessions = await restart();
    registerBusy(sessions);

    const session = sessions.find('acme', 'web1')!;
    expect(sessions.acceptsCurveKey(rawOf(key))).toBe(true);
    expect(sessions.acceptsMessagesOf(session)).toBe(true);
    expect(session.validUntil).toBeLessThan(now); // so it gets no other job

    busy.clear();
    expect(sessions.acceptsCurveKey(rawOf(key))).toBe(false);
    now += 59_999; // the node has a minute to fetch its config
    expect(sessions.acceptsMessagesOf(session)).toBe(true);
    now += 1;
    expect(sessions.acceptsMessagesOf(session)).toBe(false);
  });

  it('keeps the key with which a busy node got its job, however many keys its doctor registers', async () => {
    const key = await newCurveKey();
    await sessions.admit(WEB1, key, rsaKey);
    sessions.registerBusyCheck(() => true);
    const others = await Promise.all(Array.from({ length: 9 }, newCurveKey));
    for (const other of others) await sessions.admit(WEB1, other, rsaKey);

    expect(sessions.acceptsCurveKey(rawOf(key))).toBe(true);
    expect(sessions.acceptsCurveKey(rawOf(others[8]!))).toBe(true);
    expect(store.curveKeys.size).toBe(8);
  });

  it('evicts a session from memory and store a day after it expired', async () => {
    const evicted: string[] = [];
    sessions.onEvicted(({ address }) => evicted.push(address.node));
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
    expect(evicted).toEqual(['web1']);

    const after = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    expect(after.key.equals(before.key)).toBe(false);
    expect(store.sessions.size).toBe(2);
  });

  it('keeps the session of a node that is admitted again just before the eviction', async () => {
    const session = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    now = START + VALIDITY_MS + DAY_MS;
    const admission = sessions.admit(WEB1, await newCurveKey(), rsaKey);
    await sessions.sweep();
    await admission;

    expect(sessions.find('acme', 'web1')).toBe(session);
    expect(store.sessions.size).toBe(1);
  });

  it('loads sessions and Curve keys after a restart', async () => {
    const key = await newCurveKey();
    const before = await sessions.admit(WEB1, key, rsaKey);
    sessions = await restart();

    const after = sessions.find('acme', 'web1');
    expect(after).toMatchObject({ address: before.address, orgName: 'acme', key: before.key });
    expect(sessions.acceptsCurveKey(rawOf(key))).toBe(true);
    expect(await sessions.admit(WEB1, key, rsaKey)).toBe(after);
    expect(after?.key).toEqual(before.key);
  });

  describe('when the heartbeat interval changes', () => {
    const clientKey = newCurveKey();
    beforeEach(async () => {
      await sessions.admit(WEB1, await clientKey, rsaKey);
    });
    const intervals = () => [
      sessions.find('acme', 'web1')?.heartbeatInterval,
      sessions.shortestHeartbeatInterval(),
    ];

    it('to a shorter one, keeps the old one for a node until it has fetched its config', async () => {
      sessions = await restart(LIFETIME_S, 2_000);
      expect(intervals()).toEqual([10_000, 2_000]);
      await sessions.admit(WEB1, await newCurveKey(), rsaKey); // the doctor fetches a config; the client keeps its own
      await sessions.sweep();
      expect(intervals()).toEqual([10_000, 2_000]);

      await sessions.admit(WEB1, await clientKey, rsaKey);
      await sessions.sweep();
      expect(intervals()).toEqual([2_000, 2_000]);
    });

    it('to a longer one, keeps the shortest one of clients that have not fetched their config yet', async () => {
      await sessions.admit({ ...WEB1, node: 'web2' }, await newCurveKey(), rsaKey);
      sessions = await restart(LIFETIME_S, 40_000);
      await sessions.admit(WEB1, await clientKey, rsaKey);
      await sessions.sweep();
      expect(intervals()).toEqual([40_000, 10_000]);

      now = START + VALIDITY_MS; // web2 has not fetched its config; while it is busy its keys stay valid
      sessions.registerBusyCheck(({ node }) => node === 'web2');
      await sessions.sweep();
      expect(intervals()).toEqual([40_000, 10_000]);
      sessions.registerBusyCheck(() => false);
      await sessions.sweep();
      expect(intervals()).toEqual([40_000, 40_000]);
    });
  });

  it('skips stored sessions that were sealed for another node or by another key', async () => {
    await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    const [row] = store.sessions.values();
    store.sessions.set('moved', { ...row!, node: 'web2' });
    sessions = await restart();

    expect(sessions.find('acme', 'web1')).toBeDefined();
    expect(sessions.find('acme', 'web2')).toBeUndefined();
  });

  it('drops an organization when another guid gets its name', async () => {
    const oldKey = await newCurveKey();
    await sessions.admit(WEB1, oldKey, rsaKey);
    await sessions.admit({ ...WEB1, node: 'web2' }, await newCurveKey(), rsaKey);
    const successor = { ...WEB1, orgId: 'b'.repeat(32) };
    const session = await sessions.admit(successor, await newCurveKey(), rsaKey);

    expect(sessions.find('acme', 'web1')).toBe(session);
    expect(sessions.find('acme', 'web2')).toBeUndefined();
    expect(sessions.acceptsCurveKey(rawOf(oldKey))).toBe(false);
    expect([...store.sessions.values()].map(({ orgId }) => orgId)).toEqual([successor.orgId]);
    expect(store.curveKeys.size).toBe(1);
  });

  it('returns one session to concurrent admissions of one node', async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, newCurveKey));
    const admitted = await Promise.all(keys.map((key) => sessions.admit(WEB1, key, rsaKey)));

    expect(new Set(admitted).size).toBe(1);
    expect(new Set(admitted.map(({ key }) => key.toString('hex'))).size).toBe(1);
    expect(keys.every((key) => sessions.acceptsCurveKey(rawOf(key)))).toBe(true);
  });

  it('changes nothing if an admission cannot be stored', async () => {
    const session = await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    const before = session.key;
    const key = await newCurveKey();
    store.failure = new Error('the database is unavailable');

    await expect(sessions.admit(WEB1, key, newRsaKey())).rejects.toThrow('unavailable');
    await expect(sessions.admit({ ...WEB1, node: 'web2' }, key, rsaKey)).rejects.toThrow('unavailable');
    await expect(sessions.admit({ ...WEB1, orgId: 'b'.repeat(32) }, key, rsaKey)).rejects.toThrow(
      'unavailable',
    );
    expect(session.key).toBe(before);
    expect(sessions.find('acme', 'web1')).toBe(session);
    expect(sessions.find('acme', 'web2')).toBeUndefined();
    expect(sessions.acceptsCurveKey(rawOf(key))).toBe(false);

    store.failure = undefined;
    await sessions.admit(WEB1, key, rsaKey);
    expect(session.key).toBe(before);
    expect(sessions.acceptsCurveKey(rawOf(key))).toBe(true);
  });

  it('catches up with the next sweep after the database was unavailable', async () => {
    await sessions.admit(WEB1, await newCurveKey(), rsaKey);
    now = START + VALIDITY_MS + DAY_MS;
    store.failure = new Error('the database is unavailable');
    await sessions.sweep();

    store.failure = undefined;
    await sessions.sweep();
    expect(store.curveKeys.size).toBe(0);
  });
});
