import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedDatabase, startEmbeddedDatabase } from '../../../src/persistence/embedded-database.js';
import { type OpenDatabase, openDatabase } from '../../../src/persistence/open-database.js';

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

  it('keeps what was stored when it is closed and opened again', async () => {
    const first = await open();
    await first.database.query(`INSERT INTO jobs (id, org_id, command) VALUES ('a', 'o', 'uptime')`);
    await opened.pop()?.close();
    const second = await open();
    expect(await second.database.query('SELECT command FROM jobs')).toEqual([{ command: 'uptime' }]);
  });

  it('can be reached by its own user only, and by no port', async () => {
    const embedded = await startEmbeddedDatabase(folder);
    opened.push(embedded);
    expect(modeOf(folder)).toBe('700');
    expect(modeOf(embedded.connection.host)).toBe('700');
    expect(existsSync(join(embedded.connection.host, '.s.PGSQL.5432'))).toBe(true);
  });

  it('leaves neither socket nor lock behind when it is closed', async () => {
    const embedded = await startEmbeddedDatabase(folder);
    await embedded.close();
    expect(existsSync(embedded.connection.host)).toBe(false);
    expect(existsSync(join(folder, 'server.pid'))).toBe(false);
  });

  it('has many statements wait for each other, whatever pool the settings ask for', async () => {
    const { database } = await open();
    const counts = await Promise.all(
      Array.from({ length: 50 }, () => database.query('SELECT count(*)::int AS count FROM jobs')),
    );
    expect(counts.flat()).toHaveLength(50);
  });

  it('is refused to a second server on the same folder, which is told who has it', async () => {
    const holder = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
    try {
      await once(holder, 'spawn');
      opened.push(await startEmbeddedDatabase(folder));
      await opened.pop()?.close();
      writeFileSync(join(folder, 'server.pid'), `${holder.pid ?? ''}\n`);
      await expect(startEmbeddedDatabase(folder)).rejects.toMatchObject({
        code: 'database_in_use',
        message: expect.stringContaining(`${folder} is in use by process ${holder.pid ?? ''}`) as string,
      });
      expect(readFileSync(join(folder, 'server.pid'), 'utf8')).toBe(`${holder.pid ?? ''}\n`);
    } finally {
      holder.kill();
      await once(holder, 'exit');
    }
    opened.push(await startEmbeddedDatabase(folder)); // a lock that a dead process left is no lock
  });

  it('is refused a second time to the same process', async () => {
    opened.push(await startEmbeddedDatabase(folder));
    await expect(startEmbeddedDatabase(folder)).rejects.toMatchObject({ code: 'database_in_use' });
  });

  it('says which folder cannot be used', async () => {
    writeFileSync(folder, 'a file');
    await expect(startEmbeddedDatabase(folder)).rejects.toMatchObject({
      code: 'embedded_folder_unusable',
      message: expect.stringContaining(folder) as string,
    });
  });
});
