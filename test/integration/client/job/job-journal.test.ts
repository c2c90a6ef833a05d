import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JobJournal } from '../../../../src/client/job/job-journal.js';

const COMMAND = { pid: 7, startTime: '8', bootId: '9' };

let folder: string;
let path: string;
let faults: unknown[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'job-journal-'));
  path = join(folder, 'state', 'acme.web1.json');
  faults = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (): Promise<JobJournal> => JobJournal.open(path, (thrown) => faults.push(thrown));

test('a job is on the disk, for the owner alone, as soon as it is accepted', async () => {
  const journal = await open();
  expect(journal.unfinished).toBeUndefined();
  expect(await journal.accept('a', '/tmp/file')).toMatchObject({ ok: true });
  const again = await open();
  expect(again.unfinished).toEqual({ job_id: 'a', file: '/tmp/file' });
  expect(again.jobs).toEqual(['a']);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o700);
});

test('its process is noted, and its end', async () => {
  const journal = await open();
  await journal.accept('a', undefined);
  await journal.started('a', COMMAND);
  expect((await open()).unfinished).toEqual({ job_id: 'a', process: COMMAND });
  await journal.started('b', COMMAND);
  await journal.finish('b', true);
  expect((await open()).unfinished?.job_id).toBe('a');
  await journal.finish('a', true);
  const again = await open();
  expect(again.unfinished).toBeUndefined();
  expect(again.jobs).toEqual(['a']);
});

test('a job that was called off before its start may come again', async () => {
  const journal = await open();
  await journal.accept('a', undefined);
  await journal.finish('a', false);
  expect((await open()).jobs).toEqual([]);
});

test('of very many jobs the last thousand are remembered', async () => {
  const jobs = Array.from({ length: 1000 }, (_, index) => `job ${index}`);
  await open();
  writeFileSync(path, JSON.stringify({ format: 1, jobs, current: null }));
  const journal = await open();
  await journal.accept('next', undefined);
  expect(journal.jobs).toHaveLength(1000);
  expect([journal.jobs[0], journal.jobs.at(-1)]).toEqual(['job 1', 'next']);
});

test.each(['', '{"format":1,"jobs":["a"', '{"format":2}', '[]'])(
  'what cannot be read is put aside, and work goes on: %j',
  async (text) => {
    await open();
    writeFileSync(path, text);
    const journal = await open();
    expect(journal.jobs).toEqual([]);
    expect(String(faults[0])).toContain(`${path}.broken`);
    expect(readFileSync(`${path}.broken`, 'utf8')).toBe(text);
    expect(await journal.accept('a', undefined)).toMatchObject({ ok: true });
  },
);

/** Only root can make a file system. */
test.runIf(process.getuid?.() === 0)(
  'on a full disk a job is not accepted, and what stands there stays',
  async () => {
    const disk = join(folder, 'state');
    await open();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'none', disk]);
    try {
      const journal = await open();
      await journal.accept('a', undefined);
      writeFileSync(join(disk, 'filler'), '');
      try {
        writeFileSync(join(disk, 'filler'), Buffer.alloc(1024 * 1024));
      } catch (thrown) {
        expect(String(thrown)).toContain('ENOSPC');
      }
      await journal.finish('a', true);
      expect(String(faults[0])).toContain('ENOSPC');
      const refused = await journal.accept('b', undefined);
      expect(refused).toMatchObject({ error: expect.stringContaining('no space left') as string });
      expect(journal.jobs).toEqual(['a']);
      expect((await open()).unfinished?.job_id).toBe('a');
      rmSync(join(disk, 'filler'));
      expect(await journal.accept('c', undefined)).toMatchObject({ ok: true });
      expect((await open()).jobs).toEqual(['a', 'c']);
      expect(readdirSync(disk)).toEqual(['acme.web1.json']);
    } finally {
      execFileSync('umount', [disk]);
    }
  },
);
