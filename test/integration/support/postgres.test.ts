import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startThrowAwayCluster, type ThrowAwayCluster } from '../../support/postgres/throw-away-cluster.js';
import { eventually } from '../../support/eventually.js';

const query = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
};

describe('the PostgreSQL of the test run', () => {
  it('accepts a superuser by the URL in the environment and has fsync on', async () => {
    const url = process.env.PUSH_JOBS_TEST_POSTGRES ?? '';
    const [row] = await query(
      url,
      "select current_setting('is_superuser') as superuser, current_setting('fsync') as fsync",
    );
    expect(row).toEqual({ superuser: 'on', fsync: 'on' });
  });
});

describe('a throw-away cluster', () => {
  let cluster: ThrowAwayCluster;
  beforeAll(async () => {
    cluster = await startThrowAwayCluster();
  });
  afterAll(async () => {
    await cluster.stop();
  });

  it('rejects a wrong password', async () => {
    const wrong = new URL(cluster.url);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
  });

  it('closes all connections and accepts none after it was stopped', async () => {
    const client = new pg.Client({ connectionString: cluster.url });
    let lost = false;
    client.on('error', () => (lost = true));
    await client.connect();
    await cluster.stop();
    await eventually(() => lost);
    await expect(query(cluster.url, 'select 1')).rejects.toThrow('ECONNREFUSED');
  });
});
