import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Admission, SessionStore } from '../../../../src/server/keys/session-store.js';
import { PostgresSessionStore } from '../../../../src/server/keys/postgres-session-store.js';
import type { OpenDatabase } from '../../../../src/server/persistence/open-database.js';
import {
  createEmbeddedTestDatabase,
  createTestDatabase,
  type TestDatabase,
} from '../../../support/database.js';
import { MemorySessionStore } from '../../../support/memory-session-store.js';

const NOW = Date.UTC(2026, 10, 22, 8);
const ACME = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);

/** Opening a database takes longer than a test, so all tests share one and empty its tables. */
const sqlStores = (open: () => Promise<OpenDatabase>) => {
  let database: OpenDatabase;
  return {
    open: async () => {
      database = await open();
    },
    make: async (): Promise<SessionStore> => {
      await database.dataSource.query('TRUNCATE node_sessions, curve_keys');
      return new PostgresSessionStore(database.database);
    },
    close: () => database.close(),
  };
};

let testDatabase: TestDatabase | undefined;
const openPostgres = async (): Promise<OpenDatabase> => {
  testDatabase = await createTestDatabase();
  return testDatabase.open();
};
afterAll(() => testDatabase?.drop());

const IMPLEMENTATIONS = [
  {
    name: 'in memory',
    stores: {
      open: () => Promise.resolve(),
      make: () => Promise.resolve(new MemorySessionStore()),
      close: () => Promise.resolve(),
    },
  },
  { name: 'in PostgreSQL', stores: sqlStores(openPostgres) },
  { name: 'in the embedded database', stores: sqlStores(createEmbeddedTestDatabase) },
];

const admission = (change: Partial<Admission> & { orgId?: string; node?: string } = {}): Admission => {
  const { orgId = ACME, node = 'web1', ...rest } = change;
  return {
    session: { orgId, node, orgName: 'acme', sealedKey: randomBytes(80), keyFingerprint: 'one' },
    curveKey: { orgId, node, curveKey: randomBytes(32), expiresAt: NOW + 1000, heartbeatInterval: 10_000 },
    evictedKeys: [],
    replacedOrg: undefined,
    ...rest,
  };
};

describe.each(IMPLEMENTATIONS)('the session store $name', ({ stores }) => {
  let store: SessionStore;
  beforeAll(() => stores.open());
  afterAll(() => stores.close());
  beforeEach(async () => {
    store = await stores.make();
  });

  it('is empty at first', async () => {
    expect(await store.load()).toEqual({ sessions: [], curveKeys: [] });
  });

  it('loads what was saved, with names of any script and bytes of any value', async () => {
    const saved = [admission({ node: "nœud'; DROP TABLE jobs; -- 节点" }), admission({ orgId: OTHER })];
    for (const one of saved) await store.save(one);

    const { sessions, curveKeys } = await store.load();
    expect(sessions).toHaveLength(2);
    expect(sessions).toEqual(expect.arrayContaining(saved.map(({ session }) => session)));
    expect(curveKeys).toEqual(expect.arrayContaining(saved.map(({ curveKey }) => curveKey)));
  });

  it('replaces the session of a node, and a Curve key that is registered again', async () => {
    const first = admission();
    const again = admission({ curveKey: { ...first.curveKey, expiresAt: NOW + 5000 } });
    await store.save(first);
    await store.save(again);

    expect(await store.load()).toEqual({ sessions: [again.session], curveKeys: [again.curveKey] });
  });

  it('keeps the session if only a Curve key is saved', async () => {
    const first = admission();
    const second = admission({
      session: undefined,
      curveKey: { ...first.curveKey, curveKey: randomBytes(32) },
    });
    await store.save(first);
    await store.save(second);

    const { sessions, curveKeys } = await store.load();
    expect(sessions).toEqual([first.session]);
    expect(curveKeys).toHaveLength(2);
  });

  it('deletes evicted Curve keys', async () => {
    const first = admission();
    await store.save(first);
    const second = admission({ evictedKeys: [first.curveKey.curveKey] });
    await store.save(second);

    expect((await store.load()).curveKeys).toEqual([second.curveKey]);
  });

  it('keeps a key for one node when it is evicted for another', async () => {
    const first = admission();
    const { curveKey } = first.curveKey;
    const second = admission({ node: 'web2', curveKey: { ...first.curveKey, node: 'web2' } });
    await store.save(first);
    await store.save(second);
    const third = admission({ node: 'web2', evictedKeys: [curveKey] });
    await store.save({ ...third, curveKey: { ...third.curveKey, node: 'web2' } });

    const { curveKeys } = await store.load();
    expect(curveKeys.filter((key) => key.curveKey.equals(curveKey))).toEqual([first.curveKey]);
  });

  it('deletes an organization that was replaced, and no other', async () => {
    await store.save(admission());
    await store.save(admission({ node: 'web2' }));
    const bystander = admission({ orgId: 'c'.repeat(32) });
    await store.save(bystander);
    const successor = admission({ orgId: OTHER, replacedOrg: ACME });
    await store.save(successor);

    const { sessions, curveKeys } = await store.load();
    expect(sessions.map(({ orgId }) => orgId).sort()).toEqual([OTHER, bystander.session?.orgId]);
    expect(curveKeys).toHaveLength(2);
  });

  it('saves a Curve key that a node of the replaced organization had registered', async () => {
    const before = admission();
    await store.save(before);
    const after = admission({
      orgId: OTHER,
      replacedOrg: ACME,
      curveKey: { ...before.curveKey, orgId: OTHER },
    });
    await store.save(after);

    expect(await store.load()).toEqual({ sessions: [after.session], curveKeys: [after.curveKey] });
  });

  it('loads Curve keys ordered by expiry', async () => {
    const [late, early, middle] = [3000, 1000, 2000].map((ms) => {
      const one = admission();
      return { ...one, curveKey: { ...one.curveKey, expiresAt: NOW + ms } };
    }) as [Admission, Admission, Admission];
    for (const one of [late, early, middle]) await store.save(one);

    const inOrder = [early, middle, late].map(({ curveKey }) => curveKey);
    expect((await store.load()).curveKeys).toEqual(inOrder);
  });

  it('deletes a session, and at the next load all sessions without a Curve key', async () => {
    const saved = ['web1', 'web2', 'web3'].map((node, at) =>
      admission({ node, curveKey: { ...admission({ node }).curveKey, expiresAt: NOW + at } }),
    );
    for (const one of saved) await store.save(one);
    await store.remove({ orgId: ACME, node: 'web3' });
    expect((await store.load()).sessions).toHaveLength(2);
    await store.removeExpired(NOW, []);

    expect((await store.load()).sessions).toMatchObject([{ node: 'web2' }]);
  });

  it('deletes expired Curve keys, except those of busy nodes', async () => {
    const [kept, expired, valid] = [
      admission(),
      admission({ node: 'web2' }),
      admission({ node: 'web3', curveKey: { ...admission().curveKey, node: 'web3', expiresAt: NOW + 1001 } }),
    ];
    for (const one of [kept, expired, valid]) await store.save(one);
    await store.removeExpired(NOW + 1000, [{ orgId: ACME, node: 'web1' }]);

    expect((await store.load()).curveKeys).toEqual([kept.curveKey, valid.curveKey]);
    await store.removeExpired(NOW + 1000, []);
    expect((await store.load()).curveKeys).toEqual([valid.curveKey]);
  });
});

describe('the session store in PostgreSQL', () => {
  let database: TestDatabase;
  let open: OpenDatabase;
  let store: SessionStore;
  beforeEach(async () => {
    database = await createTestDatabase();
    open = await database.open();
    store = new PostgresSessionStore(open.database);
  });
  afterEach(async () => {
    await open.close();
    await database.drop();
  });

  it('stores nothing of an admission if one part of it fails', async () => {
    await store.save(admission());
    const { sessions } = await store.load();
    const broken = admission({ orgId: OTHER, replacedOrg: ACME });
    await database.sql('ALTER TABLE curve_keys ADD CHECK (org_id <> $$' + OTHER + '$$)');

    await expect(store.save(broken)).rejects.toMatchObject({ code: 'database_refused' });
    expect((await store.load()).sessions).toEqual(sessions);
  });
});
