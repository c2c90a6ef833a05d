import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type EmbeddedDatabase,
  startEmbeddedDatabase,
} from '../../../../src/server/persistence/embedded-database.js';
import { type OpenDatabase, openDatabase } from '../../../../src/server/persistence/open-database.js';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('the embedded database', () => {
  let folder: string;
  let opened: (OpenDatabase | EmbeddedDatabase)[];
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'push-jobs-test-')), 'data');
    opened = [];
  });
  afterEach(async () => {
    for (const each of opened) await each.close();
    rmSync(dirname(folder), { recursive: true, force: true });
  });

  const open = async (): Promise<OpenDatabase> => {
    const database = await openDatabase({ database: { embedded_folder: folder }, poolSize: 20 });
    opened.push(database);
    return database;
  };

  it('keeps its data when it is closed and reopened', async () => {
    const first = await open();
    await first.database.query(`INSERT INTO jobs (id, org_id, command) VALUES ('a', 'o', 'uptime')`);
    await opened.pop()?.close();
    const second = await open();
    expect(await second.database.query('SELECT command FROM jobs')).toEqual([{ command: 'uptime' }]);
    const all = Array.from({ length: 50 }, () => second.database.query('SELECT 1 FROM jobs'));
    expect((await Promise.all(all)).flat()).toHaveLength(50); // they share one connection, whatever the pool size is
  });

  it('accepts only its own user, has no port, and leaves no socket behind', async () => {
    const embedded = await startEmbeddedDatabase(folder);
    const socketFolder = embedded.connection.host;
    expect(modeOf(folder)).toBe('700');
    expect(modeOf(socketFolder)).toBe('700');
    expect(statSync(join(socketFolder, '.s.PGSQL.5432')).isSocket()).toBe(true);
    await embedded.close();
    expect(existsSync(socketFolder)).toBe(false);
    expect(readdirSync(folder)).toEqual(['postgres', 'server.pid']);
  });

  it('accepts one server at a time, even if the pid in the file belongs to another process', async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'server.pid'), `${process.ppid}\n`);
    const starts = await Promise.allSettled([startEmbeddedDatabase(folder), startEmbeddedDatabase(folder)]);
    for (const start of starts) if (start.status === 'fulfilled') opened.push(start.value);
    expect(opened).toHaveLength(1);
    await expect(startEmbeddedDatabase(folder)).rejects.toMatchObject({
      code: 'database_in_use',
      message: expect.stringContaining(`is in use by process ${process.pid}: stop that server`) as string,
    });
  });

  it('names a folder that cannot be used', async () => {
    writeFileSync(folder, 'a file');
    await expect(startEmbeddedDatabase(folder)).rejects.toMatchObject({
      code: 'embedded_folder_unusable',
      message: expect.stringContaining(folder) as string,
    });
  });
});
