import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Admission, SessionStore } from '../../../src/keys/session-store.js';
import { SqlSessionStore } from '../../../src/keys/sql-session-store.js';
import { TypeOrmDatabase } from '../../../src/persistence/typeorm-database.js';
import type { OpenDatabase } from '../../../src/persistence/open-database.js';
import { createEmbeddedTestDatabase, createTestDatabase, type TestDatabase } from '../../support/database.js';
import { MemorySessionStore } from '../../support/memory-session-store.js';

const NOW = Date.UTC(2026, 10, 22, 8);
const ACME = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);
const TARGET = { where: 'the test server', database: 'test', user: 'test' };

/** The tables are emptied before each test; opening a database takes longer than a test. */
const sqlStores = (open: () => Promise<OpenDatabase>) => {
  let database: OpenDatabase;
  return {
    open: async () => {
      database = await open();
    },
    make: async (): Promise<SessionStore> => {
      await database.dataSource.query('TRUNCATE node_sessions, curve_keys');
      return new SqlSessionStore(new TypeOrmDatabase(database.dataSource, TARGET));
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
    curveKey: { orgId, node, curveKey: randomBytes(32), expiresAt: NOW + 1000 },
    forgottenKeys: [],
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
    expect(await store.load(NOW)).toEqual({ sessions: [], curveKeys: [] });
  });

  it('hands back what was saved, names of any script and bytes of any value', async () => {
    const saved = [admission({ node: "nœud'; DROP TABLE jobs; -- 节点" }), admission({ orgId: OTHER })];
    for (const one of saved) await store.save(one);

    const { sessions, curveKeys } = await store.load(NOW);
    expect(sessions).toHaveLength(2);
    expect(sessions).toEqual(expect.arrayContaining(saved.map(({ session }) => session)));
    expect(curveKeys).toEqual(expect.arrayContaining(saved.map(({ curveKey }) => curveKey)));
  });

  it('replaces a session of the same node, and a Curve key that is named again', async () => {
    const first = admission();
    const again = admission({ curveKey: { ...first.curveKey, expiresAt: NOW + 5000 } });
    await store.save(first);
    await store.save(again);

    expect(await store.load(NOW)).toEqual({ sessions: [again.session], curveKeys: [again.curveKey] });
  });

  it('leaves the session alone where only a Curve key is named', async () => {
    const first = admission();
    const second = admission({
      session: undefined,
      curveKey: { ...first.curveKey, curveKey: randomBytes(32) },
    });
    await store.save(first);
    await store.save(second);

    const { sessions, curveKeys } = await store.load(NOW);
    expect(sessions).toEqual([first.session]);
    expect(curveKeys).toHaveLength(2);
  });

  it('forgets the Curve keys that must make room', async () => {
    const first = admission();
    await store.save(first);
    const second = admission({ forgottenKeys: [first.curveKey.curveKey] });
    await store.save(second);

    expect((await store.load(NOW)).curveKeys).toEqual([second.curveKey]);
  });

  it('keeps a key for each node that named it, whatever becomes of it for the other', async () => {
    const first = admission();
    const { curveKey } = first.curveKey;
    const second = admission({ node: 'web2', curveKey: { ...first.curveKey, node: 'web2' } });
    await store.save(first);
    await store.save(second);
    const third = admission({ node: 'web2', forgottenKeys: [curveKey] });
    await store.save({ ...third, curveKey: { ...third.curveKey, node: 'web2' } });

    const { curveKeys } = await store.load(NOW);
    expect(curveKeys.filter((key) => key.curveKey.equals(curveKey))).toEqual([first.curveKey]);
  });

  it('removes an organization that was replaced, and no other', async () => {
    await store.save(admission());
    await store.save(admission({ node: 'web2' }));
    const bystander = admission({ orgId: 'c'.repeat(32) });
    await store.save(bystander);
    const reborn = admission({ orgId: OTHER, replacedOrg: ACME });
    await store.save(reborn);

    const { sessions, curveKeys } = await store.load(NOW);
    expect(sessions.map(({ orgId }) => orgId).sort()).toEqual([OTHER, bystander.session?.orgId]);
    expect(curveKeys).toHaveLength(2);
  });

  it('takes over a Curve key that a node of the replaced organization had named', async () => {
    const before = admission();
    await store.save(before);
    const after = admission({
      orgId: OTHER,
      replacedOrg: ACME,
      curveKey: { ...before.curveKey, orgId: OTHER },
    });
    await store.save(after);

    expect(await store.load(NOW)).toEqual({ sessions: [after.session], curveKeys: [after.curveKey] });
  });

  it('hands back valid Curve keys only, those that expire first coming first', async () => {
    const [late, early, expired] = [3000, 1000, 0].map((ms) => {
      const one = admission();
      return { ...one, curveKey: { ...one.curveKey, expiresAt: NOW + ms } };
    }) as [Admission, Admission, Admission];
    for (const one of [late, early, expired]) await store.save(one);

    expect((await store.load(NOW)).curveKeys).toEqual([early.curveKey, late.curveKey]);
  });

  it('extends Curve keys that are there, and removes those that expired', async () => {
    const [extended, expiring] = [admission(), admission({ node: 'web2' })];
    await store.save(extended);
    await store.save(expiring);
    const unknown = randomBytes(32);
    await store.extend([
      { ...extended.curveKey, expiresAt: NOW + 9000 },
      { ...extended.curveKey, curveKey: unknown, expiresAt: NOW + 9000 },
    ]);
    await store.removeExpired(NOW + 1000);

    expect((await store.load(0)).curveKeys).toEqual([{ ...extended.curveKey, expiresAt: NOW + 9000 }]);
  });
});

describe('the session store in PostgreSQL', () => {
  let database: TestDatabase;
  let open: OpenDatabase;
  let store: SessionStore;
  beforeEach(async () => {
    database = await createTestDatabase();
    open = await database.open();
    store = new SqlSessionStore(new TypeOrmDatabase(open.dataSource, TARGET));
  });
  afterEach(async () => {
    await open.close();
    await database.drop();
  });

  it('stores nothing of an admission of which one part cannot be stored', async () => {
    await store.save(admission());
    const { sessions } = await store.load(NOW);
    const broken = admission({ orgId: OTHER, replacedOrg: ACME });
    await database.sql('ALTER TABLE curve_keys ADD CHECK (org_id <> $$' + OTHER + '$$)');

    await expect(store.save(broken)).rejects.toMatchObject({ code: 'database_refused' });
    expect((await store.load(NOW)).sessions).toEqual(sessions);
  });
});
