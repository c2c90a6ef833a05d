import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSession } from '../../../../../ctl/lib/database/session.js';
import { connectionOf } from '../../../../../src/server/persistence/connection-options.js';
import { createEmptyDatabase, type TestDatabase } from '../../../../support/database.js';
import { startTcpProxy } from '../../../../support/tcp-proxy.js';

let database: TestDatabase;
beforeAll(async () => (database = await createEmptyDatabase()));
afterAll(() => database.drop());

describe('who only looks into the database', () => {
  it('gives up where somebody else has locked what is looked at', async () => {
    const connection = connectionOf(database.config, database.password);
    await database.sql('CREATE TABLE locked ()');
    const looked = withSession(connection, async (holder) => {
      await holder.query('BEGIN');
      await holder.query('LOCK TABLE locked');
      const limits = { statement: 100, answer: 10_000 };
      return withSession(connection, (session) => session.query('SELECT FROM locked'), 'look', limits);
    });
    await expect(looked).rejects.toThrow(/statement timeout; .*or a table locked\?/);
  });

  it('gives up where the network was cut without a word', async () => {
    const { host, port } = database.config;
    const proxy = await startTcpProxy(host, port);
    const connection = connectionOf(
      { ...database.config, host: '127.0.0.1', port: proxy.port },
      database.password,
    );
    const looked = withSession(
      connection,
      (session) => {
        proxy.swallow();
        return session.query('SELECT 1');
      },
      'look',
      { statement: 0, answer: 100 },
    );
    await expect(looked).rejects.toThrow(/timeout; is it reachable from this machine/);
    await proxy.close();
  });
});
