import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunProgram } from '../../../../../ctl/lib/run-program.js';
import { CtlUnderTest } from '../../../../support/ctl-under-test.js';

const UNIT = '/etc/systemd/system/opscode-pushy-server.service';
const WRONG = `postgresql['port'] = 0\n`;

let under: CtlUnderTest;
const ran: string[] = [];
const run: RunProgram = (program, args) => {
  ran.push([program, ...args].join(' '));
  return Promise.resolve({ code: 0, stdout: '', stderr: '' });
};
beforeEach(() => {
  under = new CtlUnderTest({ run });
  ran.length = 0;
});
afterEach(() => under.remove());

describe('uninstall, which also runs when the package is removed', () => {
  it('changes nothing on a machine without a service supervisor that was never configured', async () => {
    expect(await under.run('uninstall')).toMatchObject({ code: 0, stderr: '' });
  });

  it('removes the service and the route even if the settings are invalid', async () => {
    mkdirSync(under.path('/run/systemd/system'), { recursive: true });
    const unit = under.write(UNIT, 'ours');
    const route = under.write('/var/opt/opscode/nginx/etc/addon.d/10-push_jobs_external.conf', 'ours');
    under.write('/etc/opscode/chef-server-running.json', JSON.stringify({ private_chef: {} }));
    under.writeSettings(WRONG);
    const { code, stderr } = await under.run('uninstall');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(ran).toContain('systemctl disable --now opscode-pushy-server.service');
    expect(existsSync(unit)).toBe(false);
    expect(existsSync(route)).toBe(false);
  });
});

describe('cleanse', () => {
  const impatient = { sleep: () => Promise.reject(new Error('it waited')) };

  it('announces the 60 seconds only if it waits', async () => {
    const asked = await under.runWith(impatient, 'cleanse');
    expect(asked.stdout).toContain('It begins in 60 seconds.');
    const outcome = await under.runWith(impatient, 'cleanse', 'yes');
    expect(outcome.stdout).toContain('STOP AND READ');
    expect(outcome.stdout).not.toContain('60 seconds');
  });

  it('reports invalid settings before it waits', async () => {
    const file = under.writeSettings(WRONG);
    const { code, stdout, stderr } = await under.runWith(impatient, 'cleanse');
    expect(code).toBe(1);
    expect(stderr).toContain(`${file}, line 1: postgresql['port']`);
    expect(stdout).toBe('');
    expect(existsSync(file)).toBe(true);
  });

  it('writes its backup into /root, whatever $HOME is', async () => {
    under.writeSettings('# nothing yet\n');
    expect(await under.runWith({ home: '/home/bob' }, 'cleanse', 'yes')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(existsSync(under.path('/home/bob'))).toBe(false);
    const [backup] = readdirSync(under.path('/root'));
    expect(backup).toMatch(/^opscode-push-jobs-server-cleanse-\d{8}T\d{6}Z$/);
    const copy = under.path(`/root/${backup ?? ''}/opscode-push-jobs-server.rb`);
    expect(readFileSync(copy, 'utf8')).toBe('# nothing yet\n');
    expect(existsSync(under.path('/etc/opscode-push-jobs-server'))).toBe(false);
  });
});

it('tail and show-config report what is missing on a machine that was never configured', async () => {
  const logs = under.path('/var/log/opscode-push-jobs-server');
  expect((await under.run('tail')).stderr).toBe(`${logs} has no logs yet\n`);
  expect((await under.run('show-config')).stderr).toContain("['server_name_advertised'] is missing");
});
