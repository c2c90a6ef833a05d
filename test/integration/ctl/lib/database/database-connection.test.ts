import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withDatabaseConnection } from '../../../../../ctl/lib/database/database-connection.js';
import { connectionOf } from '../../../../../src/server/persistence/connection-options.js';
import { createEmptyDatabase, type TestDatabase } from '../../../../support/database.js';
import { startTcpProxy } from '../../../../support/tcp-proxy.js';

let database: TestDatabase;
beforeAll(async () => (database = await createEmptyDatabase()));
afterAll(() => database.drop());

describe('a read-only database connection', () => {
  it('times out if another connection has locked the table', async () => {
    const connection = connectionOf(database.config, database.password);
    await database.sql('CREATE TABLE locked ()');
    const looked = withDatabaseConnection(connection, async (holder) => {
      await holder.query('BEGIN');
      await holder.query('LOCK TABLE locked');
      const timeouts = { statement: 100, reply: 10_000 };
      return withDatabaseConnection(
        connection,
        (database) => database.query('SELECT FROM locked'),
        'read-only',
        timeouts,
      );
    });
    await expect(looked).rejects.toThrow(/statement timeout; .*or a table locked\?/);
  });

  it('times out if the network drops all packets', async () => {
    const { host, port } = database.config;
    const proxy = await startTcpProxy(host, port);
    const connection = connectionOf(
      { ...database.config, host: '127.0.0.1', port: proxy.port },
      database.password,
    );
    const looked = withDatabaseConnection(
      connection,
      (database) => {
        proxy.dropBytes();
        return database.query('SELECT 1');
      },
      'read-only',
      { statement: 0, reply: 100 },
    );
    await expect(looked).rejects.toThrow(/timeout; is it reachable from this machine/);
    await proxy.close();
  });
});
