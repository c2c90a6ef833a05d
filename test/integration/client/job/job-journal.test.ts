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

test('an accepted job is on disk, readable by the owner only', async () => {
  const journal = await open();
  expect(journal.unfinished).toEqual([]);
  expect(await journal.recordAccepted('a', '/tmp/file')).toMatchObject({ ok: true });
  const again = await open();
  expect(again.unfinished).toEqual([{ job_id: 'a', file: '/tmp/file' }]);
  expect(again.startedJobs).toEqual(['a']);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o700);
});

test('records the process and the end of a job', async () => {
  const journal = await open();
  await journal.recordAccepted('a', undefined);
  await journal.recordStarted('a', COMMAND);
  expect((await open()).unfinished).toEqual([{ job_id: 'a', process: COMMAND }]);
  await journal.recordStarted('b', COMMAND);
  await journal.recordEnded('b', true);
  expect((await open()).unfinished[0]?.job_id).toBe('a');
  await journal.recordEnded('a', true);
  const again = await open();
  expect(again.unfinished).toEqual([]);
  expect(again.startedJobs).toEqual(['a']);
});

test('forgets a job that was aborted before its start', async () => {
  const journal = await open();
  await journal.recordAccepted('a', undefined);
  await journal.recordEnded('a', false);
  expect((await open()).startedJobs).toEqual([]);
});

test('holds a running job until it has ended, whatever other jobs are accepted and dropped meanwhile', async () => {
  const journal = await open();
  await journal.recordAccepted('running', '/tmp/file');
  await journal.recordStarted('running', COMMAND);
  await journal.recordAccepted('late', undefined);
  const running = { job_id: 'running', file: '/tmp/file', process: COMMAND };
  expect((await open()).unfinished).toEqual([running, { job_id: 'late' }]);
  await journal.recordEnded('late', false);
  expect((await open()).unfinished).toEqual([running]);
  expect((await open()).startedJobs).toEqual(['running']);
  await journal.recordEnded('running', true);
  expect((await open()).unfinished).toEqual([]);
});

test('reads a journal of version 1.0.0, and writes one that it can read', async () => {
  await open();
  writeFileSync(path, JSON.stringify({ format: 1, jobs: ['a'], current: { job_id: 'a', process: COMMAND } }));
  const journal = await open();
  expect(journal.unfinished).toEqual([{ job_id: 'a', process: COMMAND }]);
  await journal.recordAccepted('b', undefined);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
    format: 1,
    jobs: ['a', 'b'],
    current: { job_id: 'a', process: COMMAND },
  });
});

test('remembers the last thousand jobs', async () => {
  const jobs = Array.from({ length: 1000 }, (_, index) => `job ${index}`);
  await open();
  writeFileSync(path, JSON.stringify({ format: 1, jobs, current: null }));
  const journal = await open();
  await journal.recordAccepted('next', undefined);
  expect(journal.startedJobs).toHaveLength(1000);
  expect([journal.startedJobs[0], journal.startedJobs.at(-1)]).toEqual(['job 1', 'next']);
});

test.each(['', '{"format":1,"jobs":["a"', '{"format":2}', '[]'])(
  'renames an invalid journal and starts a new one: %j',
  async (text) => {
    await open();
    writeFileSync(path, text);
    const journal = await open();
    expect(journal.startedJobs).toEqual([]);
    expect(String(faults[0])).toContain(`${path}.broken`);
    expect(readFileSync(`${path}.broken`, 'utf8')).toBe(text);
    expect(await journal.recordAccepted('a', undefined)).toMatchObject({ ok: true });
  },
);

/** Only root can mount a file system. */
test.runIf(process.getuid?.() === 0)(
  'on a full disk a job is declined and the journal stays intact',
  async () => {
    const disk = join(folder, 'state');
    await open();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'none', disk]);
    try {
      const journal = await open();
      await journal.recordAccepted('a', undefined);
      writeFileSync(join(disk, 'filler'), '');
      try {
        writeFileSync(join(disk, 'filler'), Buffer.alloc(1024 * 1024));
      } catch (thrown) {
        expect(String(thrown)).toContain('ENOSPC');
      }
      await journal.recordEnded('a', true);
      expect(String(faults[0])).toContain('ENOSPC');
      const declined = await journal.recordAccepted('b', undefined);
      expect(declined).toMatchObject({ error: expect.stringContaining('no space left') as string });
      expect(journal.startedJobs).toEqual(['a']);
      expect((await open()).unfinished[0]?.job_id).toBe('a');
      rmSync(join(disk, 'filler'));
      expect(await journal.recordAccepted('c', undefined)).toMatchObject({ ok: true });
      expect((await open()).startedJobs).toEqual(['a', 'c']);
      expect(readdirSync(disk)).toEqual(['acme.web1.json']);
    } finally {
      execFileSync('umount', [disk]);
    }
  },
);
