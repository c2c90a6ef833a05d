import { existsSync, rmSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { ensureFile } from '../files.js';
import { SERVICE } from '../paths.js';
import { type RunProgram, outputOf } from '../run-program.js';
import { logrotateConfig, unitFile } from './systemd-files.js';
import {
  type ServiceDefinition,
  type ServiceOutcome,
  STATUS_CODE,
  type ServiceSupervisor,
  type Verb,
  VERB_SECONDS,
} from './service-supervisor.js';

const UNIT = `${SERVICE}.service`;
const LOGROTATE = ['/usr/sbin/logrotate', '/usr/bin/logrotate'];
const READABLE = { mode: 0o644 };
const SIGNAL_TIMEOUT_SECONDS = 90;

/** Arguments of systemctl for each verb; it has none for `once`. */
const SYSTEMCTL_ARGUMENTS: Readonly<Record<Exclude<Verb, 'once' | 'graceful-kill'>, readonly string[]>> = {
  start: ['start'],
  stop: ['stop'],
  restart: ['restart'],
  hup: ['kill', '--signal=HUP'],
  int: ['kill', '--signal=INT'],
  term: ['kill', '--signal=TERM'],
  kill: ['kill', '--signal=KILL'],
  usr1: ['kill', '--signal=USR1'],
  usr2: ['kill', '--signal=USR2'],
};

/** Verbs that report the service's state afterwards. */
const STATE_CHANGING_VERBS: readonly Verb[] = ['start', 'stop', 'restart', 'graceful-kill'];

/** The service as a systemd unit, without Chef Server. Its texts are those of runit. */
export class Systemd implements ServiceSupervisor {
  readonly title = 'systemd';
  private readonly unit: string;
  private readonly logrotate: string;

  constructor(
    private readonly under: (path: string) => string,
    private readonly run: RunProgram,
  ) {
    this.unit = join(under('/etc/systemd/system'), UNIT);
    this.logrotate = under(`/etc/logrotate.d/${SERVICE}`);
  }

  isEnabled(): boolean {
    return existsSync(this.unit);
  }

  missingLogRotator(): string | undefined {
    return LOGROTATE.some((file) => existsSync(this.under(file))) ? undefined : 'logrotate';
  }

  async install(service: ServiceDefinition): Promise<string[]> {
    const unit = await ensureFile(this.unit, unitFile(service), READABLE);
    const changes = [...unit, ...(await ensureFile(this.logrotate, logrotateConfig(service), READABLE))];
    // Ask systemd: an earlier run may have ended after it wrote the unit.
    const state = await this.show('NeedDaemonReload', 'UnitFileState');
    if (unit.length > 0 || state.get('NeedDaemonReload') === 'yes') await this.systemctl('daemon-reload');
    if (state.get('UnitFileState') === 'enabled') return changes;
    await this.systemctl('enable', UNIT);
    return [...changes, `enabled ${SERVICE} with ${this.title}`];
  }

  async remove(): Promise<string[]> {
    if (!this.isEnabled()) return [];
    await this.systemctl('disable', '--now', UNIT);
    rmSync(this.unit);
    rmSync(this.logrotate, { force: true });
    await this.systemctl('daemon-reload');
    return [`removed ${UNIT} from systemd`];
  }

  async status(): Promise<ServiceOutcome> {
    const state = await this.show('LoadState', 'ActiveState', 'MainPID', 'StateChangeTimestampMonotonic');
    const seconds = secondsSince(state.get('StateChangeTimestampMonotonic'));
    if (state.get('LoadState') !== 'loaded') {
      return { code: STATUS_CODE.unknown, text: `fail: ${SERVICE}: systemd does not know ${UNIT}` };
    }
    if (state.get('ActiveState') === 'active') {
      const pid = state.get('MainPID') ?? '?';
      return { code: STATUS_CODE.running, text: `run: ${SERVICE}: (pid ${pid}) ${seconds}s` };
    }
    return { code: STATUS_CODE.down, text: `down: ${SERVICE}: ${seconds}s, normally up` };
  }

  async control(verb: Verb, seconds = VERB_SECONDS): Promise<ServiceOutcome> {
    if (verb === 'once') {
      return { code: 1, text: `fail: ${SERVICE}: systemd cannot run a service only once; use start` };
    }
    const succeeded =
      verb === 'graceful-kill' ? await this.stopOrKill(seconds) : await this.send(verb, seconds);
    if (!STATE_CHANGING_VERBS.includes(verb) && succeeded) return { code: 0, text: '' };
    const { text } = await this.status();
    const isInWantedState = text.startsWith(verb === 'start' || verb === 'restart' ? 'run:' : 'down:');
    return succeeded && isInWantedState
      ? { code: 0, text: `ok: ${text}` }
      : { code: 1, text: `timeout: ${text}` };
  }

  /** Returns properties of the unit by name. */
  private async show(...names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { stdout } = await this.run('systemctl', ['show', UNIT, `--property=${names.join(',')}`]);
    return new Map(stdout.split('\n').map((line) => [line.split('=', 1)[0] ?? '', afterEquals(line)]));
  }

  private async send(verb: keyof typeof SYSTEMCTL_ARGUMENTS, seconds: number): Promise<boolean> {
    const timeoutMs = STATE_CHANGING_VERBS.includes(verb) ? seconds * 1000 : SIGNAL_TIMEOUT_SECONDS * 1000;
    return (await this.run('systemctl', [...SYSTEMCTL_ARGUMENTS[verb], UNIT], { timeoutMs })).code === 0;
  }

  private async stopOrKill(seconds: number): Promise<boolean> {
    if (await this.send('stop', seconds)) return true;
    await this.send('kill', seconds);
    return this.send('stop', seconds);
  }

  private async systemctl(...args: readonly string[]): Promise<void> {
    const result = await this.run('systemctl', args);
    if (result.code !== 0)
      throw new AppError('systemctl', `systemctl ${args.join(' ')} failed: ${outputOf(result)}`);
  }
}

const afterEquals = (line: string): string => line.slice(line.indexOf('=') + 1);

/** Converts systemd's microseconds since boot; 0 means never. */
const secondsSince = (microseconds: string | undefined): number => {
  const at = Number(microseconds ?? 0) / 1_000_000;
  return at === 0 ? 0 : Math.max(0, Math.round(uptime() - at));
};
