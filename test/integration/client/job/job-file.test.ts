import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decodeJobFile, sweepJobFiles, writeJobFile } from '../../../../src/client/job/job-file.js';
import { eventually } from '../../../support/eventually.js';

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'job-file-'))));
afterEach(() => rmSync(root, { recursive: true }));

test('decodes both forms of a file and rejects others', () => {
  expect(decodeJobFile('raw:a:é\n')?.toString()).toBe('a:é\n');
  expect(decodeJobFile('base64:AP8=')).toEqual(Buffer.from([0, 255]));
  expect(decodeJobFile('raw:')?.length).toBe(0);
  expect(decodeJobFile('base64:%%%')).toBeUndefined();
  expect(decodeJobFile('hello')).toBeUndefined();
});

test('writes a file for the owner only and creates its folder', async () => {
  const written = await writeJobFile(join(root, 'a', 'b'), Buffer.from('x'), undefined);
  if (!written.ok) throw new Error(written.error);
  expect(readFileSync(written.value, 'utf8')).toBe('x');
  expect(statSync(written.value).mode & 0o777).toBe(0o600);
  expect(statSync(join(root, 'a', 'b')).mode & 0o777).toBe(0o711);
});

test('creates a folder that other users can pass through, whatever the umask', async () => {
  const before = process.umask(0o077);
  try {
    const written = await writeJobFile(join(root, 'new'), Buffer.from('x'), undefined);
    expect(written.ok).toBe(true);
  } finally {
    process.umask(before);
  }
  expect(statSync(join(root, 'new')).mode & 0o777).toBe(0o711);
});

test('rejects a folder that other users can write to, and a link', async () => {
  chmodSync(root, 0o777);
  expect(await writeJobFile(root, Buffer.from('x'), undefined)).toMatchObject({
    error: expect.stringContaining('other users can write to file_dir') as string,
  });
  chmodSync(root, 0o755);
  symlinkSync('/tmp', join(root, 'link'));
  expect(await writeJobFile(join(root, 'link'), Buffer.from('x'), undefined)).toMatchObject({
    error: expect.stringContaining('is not a folder') as string,
  });
});

test('removes old job files and keeps new and other files', async () => {
  const written = await writeJobFile(root, Buffer.from('x'), undefined);
  if (!written.ok) throw new Error(written.error);
  const foreign = join(root, 'notes.txt');
  const ofRuby = join(root, 'pushy_file20261122-1-g95acr');
  for (const path of [foreign, ofRuby]) writeFileSync(path, '');
  for (const path of [foreign, ofRuby]) utimesSync(path, 1000, 1000);
  expect(await sweepJobFiles(root, 86_400_000, Date.now())).toBe(1);
  expect([written.value, foreign, ofRuby].map((path) => existsSync(path))).toEqual([true, true, false]);
  expect(await sweepJobFiles(join(root, 'none'), 1, Date.now())).toBe(0);
});

test('a sweep goes on if files disappear meanwhile', async () => {
  const paths = Array.from({ length: 300 }, (_, index) => join(root, `push-job-${index}`));
  for (const path of paths) writeFileSync(path, '');
  const sweeping = sweepJobFiles(root, 1, Date.now() + 10_000);
  await eventually(() => readdirSync(root).length < paths.length, { everyMs: 0 });
  for (const path of paths) rmSync(path, { force: true });
  expect(await sweeping).toBeLessThan(paths.length);
});
