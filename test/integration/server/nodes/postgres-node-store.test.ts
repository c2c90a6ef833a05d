import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PostgresNodeStore } from '../../../../src/server/nodes/postgres-node-store.js';
import type { BatchWriter } from '../../../../src/server/persistence/batch-writer.port.js';
import type { OpenDatabase } from '../../../../src/server/persistence/open-database.js';
import { TypeOrmDatabase } from '../../../../src/server/persistence/typeorm-database.js';
import { createTestDatabase, type TestDatabase } from '../../../support/database.js';

const ORG = 'a'.repeat(32);
const TIME = Date.UTC(2026, 9, 26, 8);

describe('PostgresNodeStore', () => {
  let database: TestDatabase;
  let open: OpenDatabase;
  let store: PostgresNodeStore;
  beforeEach(async () => {
    database = await createTestDatabase();
    open = await database.open();
    const target = { where: 'the test server', database: 'test', user: 'test' };
    store = new PostgresNodeStore(new TypeOrmDatabase(open.dataSource, target), {} as BatchWriter);
  });
  afterEach(async () => {
    await open.close();
    await database.drop();
  });

  const addNode = (node: string, heardAt: number) =>
    database.sql(
      `INSERT INTO nodes VALUES ('${ORG}', '${node}', 'one', '${new Date(heardAt).toISOString()}')`,
    );

  it('deletes nodes that were not heard since a time and have no session', async () => {
    await addNode('gone', TIME - 1);
    await addNode('heard', TIME);
    await addNode('busy', TIME - 1);
    await database.sql(
      `INSERT INTO node_sessions (org_id, node_name, org_name, sealed_key, key_fingerprint)
       VALUES ('${ORG}', 'busy', 'acme', '', '')`,
    );

    expect(await store.deleteUnheardSince(TIME)).toEqual([{ orgId: ORG, node: 'gone' }]);
    expect(await store.load()).toEqual([
      { orgId: ORG, node: 'heard', incarnation: 'one', heardAt: TIME },
      { orgId: ORG, node: 'busy', incarnation: 'one', heardAt: TIME - 1 },
    ]);
    expect(await store.deleteUnheardSince(TIME)).toEqual([]);
  });
});
