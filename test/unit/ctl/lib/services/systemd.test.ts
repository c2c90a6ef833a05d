import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProgramResult, RunProgram } from '../../../../../ctl/lib/run-program.js';
import { Systemd } from '../../../../../ctl/lib/services/systemd.js';
import { CtlUnderTest } from '../../../../support/ctl-under-test.js';

const UNIT = '/etc/systemd/system/opscode-pushy-server.service';
const DEFINITION = {
  command: ['/opt/node', '/opt/main.js'],
  userName: 'opscode-pushy',
  switchTo: undefined,
  logs: '/var/log/opscode-push-jobs-server',
  logRotation: { file_maxbytes: 1000, num_to_keep: 7 },
};

/** A double of systemctl with one unit. */
class SystemctlDouble {
  readonly asked: string[] = [];
  state = 'active';
  /** Whether `stop` times out. */
  isDeaf = false;
  /** Whether systemd must reload the unit's file, and whether the unit starts at boot. */
  isStale = false;
  isEnabled = false;
  /** The verb that fails. */
  refused: string | undefined;

  readonly run: RunProgram = (_program, args) => {
    this.asked.push(args.join(' '));
    return Promise.resolve(this.answer(args));
  };

  private answer([verb, ...rest]: readonly string[]): ProgramResult {
    if (verb === this.refused) return { code: 1, stdout: '', stderr: 'Connection timed out' };
    if (verb === 'daemon-reload') this.isStale = false;
    if (verb === 'enable') this.isEnabled = true;
    if (verb === 'stop' && this.isDeaf) return { code: 137, stdout: '', stderr: '' };
    if (verb === 'stop') this.state = 'inactive';
    if (verb === 'start' || verb === 'restart') this.state = 'active';
    if (verb === 'kill' && rest.includes('--signal=KILL')) this.isDeaf = false;
    const stdout = `LoadState=loaded\nActiveState=${this.state}\nMainPID=42\nStateChangeTimestampMonotonic=1
NeedDaemonReload=${this.isStale ? 'yes' : 'no'}\nUnitFileState=${this.isEnabled ? 'enabled' : 'disabled'}\n`;
    return { code: 0, stdout: verb === 'show' ? stdout : '', stderr: '' };
  }

  /** The calls of systemctl, without `show`. */
  get calls(): string[] {
    return this.asked.filter((line) => !line.startsWith('show '));
  }
}

let under: CtlUnderTest;
let systemctl: SystemctlDouble;
let systemd: Systemd;
beforeEach(() => {
  under = new CtlUnderTest();
  systemctl = new SystemctlDouble();
  systemd = new Systemd((path) => under.path(path), systemctl.run);
});
afterEach(() => under.remove());

describe('the service under systemd', () => {
  it('is enabled once, with its unit and the rotation of its log', async () => {
    expect(systemd.isEnabled()).toBe(false);
    expect(await systemd.install(DEFINITION)).toEqual([
      `wrote ${under.path(UNIT)}`,
      `wrote ${under.path('/etc/logrotate.d/opscode-pushy-server')}`,
      'enabled opscode-pushy-server with systemd',
    ]);
    expect(systemctl.calls).toEqual(['daemon-reload', 'enable opscode-pushy-server.service']);
    expect(readFileSync(under.path(UNIT), 'utf8')).toContain(
      '/current" "/opt/node" "/opt/main.js"\nExecReload=/bin/kill -HUP $MAINPID\nUser=opscode-pushy\n',
    );
    const rotation = readFileSync(under.path('/etc/logrotate.d/opscode-pushy-server'), 'utf8');
    expect(rotation).toMatch(/current \{\n {2}size 1000\n {2}rotate 7\n/);
    expect(await systemd.install(DEFINITION)).toEqual([]);
    expect(systemctl.calls).toHaveLength(2);
    expect(systemd.isEnabled()).toBe(true);
  });

  it.each(['daemon-reload', 'enable'])('is installed by the next run if %s failed', async (verb) => {
    systemctl.isStale = true;
    systemctl.refused = verb;
    await expect(systemd.install(DEFINITION)).rejects.toThrow(`systemctl ${verb}`);
    systemctl.refused = undefined;
    expect(await systemd.install(DEFINITION)).toEqual(['enabled opscode-pushy-server with systemd']);
    expect(systemctl).toMatchObject({ isStale: false, isEnabled: true });
    expect(await systemd.install(DEFINITION)).toEqual([]);
  });

  it('is restarted without limit while its database is unreachable', async () => {
    await systemd.install(DEFINITION);
    const [unitSection = '', serviceSection] = readFileSync(under.path(UNIT), 'utf8').split('[Service]');
    expect(unitSection).toContain('\nStartLimitIntervalSec=0\n');
    expect(serviceSection).toContain('\nRestart=always\n');
  });

  it('is removed with all its files', async () => {
    await systemd.install(DEFINITION);
    await systemd.remove();
    expect(systemctl.asked).toContain('disable --now opscode-pushy-server.service');
    expect(existsSync(under.path(UNIT))).toBe(false);
    expect(await systemd.remove()).toEqual([]);
  });

  it('reports its status as runit does', async () => {
    expect(await systemd.status()).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^run: opscode-pushy-server: \(pid 42\) \d+s$/) as string,
    });
    expect(await systemd.control('stop')).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^ok: down: opscode-pushy-server: \d+s, normally up$/) as string,
    });
    expect((await systemd.status()).code).toBe(3);
    expect((await systemd.control('start')).text).toMatch(/^ok: run: /);
    expect(await systemd.control('hup')).toEqual({ code: 0, text: '' });
    expect(systemctl.asked).toContain('kill --signal=HUP opscode-pushy-server.service');
  });

  it('reports a timeout if it does not stop, and is killed by graceful-kill', async () => {
    systemctl.isDeaf = true;
    expect(await systemd.control('stop')).toMatchObject({
      code: 1,
      text: expect.stringMatching(/^timeout: run: /) as string,
    });
    expect(await systemd.control('graceful-kill')).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^ok: down: /) as string,
    });
  });

  it('rejects once', async () => {
    expect(await systemd.control('once')).toMatchObject({ code: 1 });
  });
});
