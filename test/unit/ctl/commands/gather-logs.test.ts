import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runProgram, type RunProgram } from '../../../../ctl/lib/run-program.js';
import { CtlUnderTest } from '../../../support/ctl-under-test.js';

const LOGS = '/var/log/opscode-push-jobs-server';

let under: CtlUnderTest;
beforeEach(() => (under = new CtlUnderTest()));
afterEach(() => under.remove());

it('gather-logs packs what it can, and the reasons for the rest, if the settings are invalid', async () => {
  under.write(`${LOGS}/current`, 'the last words\n');
  under.write(`${LOGS}/lock`, '');
  const file = under.writeSettings(`postgresql['port'] = 0`);
  const { code, stdout, stderr } = await under.run('gather-logs');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const archive = stdout.trim();
  expect(statSync(archive).mode & 0o777).toBe(0o600);
  execFileSync('tar', ['-C', under.path('/work'), '-xzf', archive]);
  const read = (name: string): string => readFileSync(join(archive.replace(/\.tar\.gz$/, ''), name), 'utf8');
  expect(readdirSync(archive.replace(/\.tar\.gz$/, '/logs'))).toEqual(['current']);
  expect(read('logs/current')).toBe('the last words\n');
  for (const name of ['settings.json', 'doctor.txt']) {
    expect(read(name)).toContain(`not available: ${file}, line 1: postgresql['port']`);
  }
  expect(read('status.txt')).toContain('not available: this machine has no service supervisor');
  expect(read('machine.txt')).toContain('opscode-push-jobs-server 1.2.3');
});

/** Runs the real tar but returns another exit code; records the modes of the archive. */
const withTar = (code: number, modes: number[] = []): RunProgram => {
  return async (program, args, options) => {
    if (program !== 'tar') return runProgram(program, args, options);
    modes.push(statSync(args[1] ?? '').mode & 0o777);
    return { ...(await runProgram(program, args, options)), code, stderr: 'file changed as we read it' };
  };
};

it('gather-logs succeeds if a log is rotated meanwhile, and never lets others read the archive', async () => {
  const modes: number[] = [];
  const { code, stdout } = await under.runWith({ run: withTar(1, modes) }, 'gather-logs');
  expect(code).toBe(0);
  expect(existsSync(stdout.trim())).toBe(true);
  expect(modes).toEqual([0o600]);
});

it('gather-logs removes an incomplete archive', async () => {
  const { code, stderr } = await under.runWith({ run: withTar(2) }, 'gather-logs');
  expect(code).toBe(1);
  expect(stderr).toMatch(/cannot make .*\.tar\.gz: file changed/);
  expect(readdirSync(under.path('/work'))).toEqual([]);
});
