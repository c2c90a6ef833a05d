import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { EXIT_CODE } from '../../../src/client/exit-code.js';

const SOURCE = 'omnibus/client';
const PROGRAM = '/opt/push-jobs-client/bin/push-jobs-client';
const folder = mkdtempSync(join(tmpdir(), 'service-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

test.runIf(hasSystemd)('the unit passes systemd-analyze verify', () => {
  const unit = readFileSync(join(SOURCE, 'push-jobs-client.service'), 'utf8');
  const path = join(folder, 'push-jobs-client.service');
  writeFileSync(path, unit.replaceAll(PROGRAM, process.execPath)); // a program that exists
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('the unit delegates its cgroups to the client, with no unnecessary controller', () => {
  const unit = readFileSync(join(SOURCE, 'push-jobs-client.service'), 'utf8');
  expect(unit).toMatch(/^Delegate=pids$/m);
});

test('service managers do not restart the client after a permanent error', () => {
  const unit = readFileSync(join(SOURCE, 'push-jobs-client.service'), 'utf8');
  expect(unit).toContain(`RestartPreventExitStatus=${EXIT_CODE.USAGE} ${EXIT_CODE.CONFIGURATION}\n`);
  const finish = readFileSync(join(SOURCE, 'runit/finish'), 'utf8');
  expect(finish).toContain(`${EXIT_CODE.USAGE} | ${EXIT_CODE.CONFIGURATION})`);
});

test.each(['runit/run', 'runit/finish', 'runit/log/run'])(
  '%s is a valid, executable shell script',
  (name) => {
    const path = join(SOURCE, name);
    execFileSync('sh', ['-n', path]);
    expect(statSync(path).mode & 0o111).toBe(0o111);
  },
);
