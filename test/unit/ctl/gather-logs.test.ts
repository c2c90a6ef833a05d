import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CtlUnderTest } from '../../support/ctl-under-test.js';

let under: CtlUnderTest;
beforeEach(() => (under = new CtlUnderTest()));
afterEach(() => under.remove());

it('gather-logs packs what there is, and why the rest is not, where the settings are wrong', async () => {
  under.write('/var/log/opscode-push-jobs-server/current', 'the last words\n');
  const file = under.writeSettings(`postgresql['port'] = 0`);
  const { code, stdout, stderr } = await under.run('gather-logs');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const archive = stdout.trim();
  expect(statSync(archive).mode & 0o777).toBe(0o600);
  execFileSync('tar', ['-C', under.path('/work'), '-xzf', archive]);
  const read = (name: string): string => readFileSync(join(archive.replace(/\.tar\.gz$/, ''), name), 'utf8');
  expect(read('logs/current')).toBe('the last words\n');
  for (const name of ['settings.json', 'doctor.txt']) {
    expect(read(name)).toContain(`cannot be told: ${file}, line 1: postgresql['port']`);
  }
  expect(read('status.txt')).toContain('cannot be told: there is nothing here that runs services');
  expect(read('machine.txt')).toContain('opscode-push-jobs-server 1.2.3');
});
