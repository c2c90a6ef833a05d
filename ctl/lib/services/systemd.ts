import { existsSync, rmSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { ensureFile } from '../files.js';
import { SERVICE } from '../paths.js';
import { type RunProgram, saidBy } from '../run-program.js';
import { logrotateConfig, unitFile } from './systemd-files.js';
import {
  type ServiceDefinition,
  type ServiceOutcome,
  STATUS_CODE,
  type Supervisor,
  type Verb,
  VERB_SECONDS,
} from './supervisor.js';

const UNIT = `${SERVICE}.service`;
const LOGROTATE = ['/usr/sbin/logrotate', '/usr/bin/logrotate'];
const READABLE = { mode: 0o644 };
const STATE_TIMEOUT_SECONDS = 90;

/** What a verb is to systemctl; `once` is nothing to it. */
const VERB_ARGUMENTS: Readonly<Record<Exclude<Verb, 'once' | 'graceful-kill'>, readonly string[]>> = {
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

/** The verbs after which the service's state is told. */
const WAITING: readonly Verb[] = ['start', 'stop', 'restart', 'graceful-kill'];

/** The service as a unit of systemd, where there is no Chef Server; it speaks as runit does. */
export class Systemd implements Supervisor {
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

  missingRotator(): string | undefined {
    return LOGROTATE.some((file) => existsSync(this.under(file))) ? undefined : 'logrotate';
  }

  async install(service: ServiceDefinition): Promise<string[]> {
    const unit = ensureFile(this.unit, unitFile(service), READABLE);
    const changes = [...unit, ...ensureFile(this.logrotate, logrotateConfig(service), READABLE)];
    // What systemd itself says counts: an earlier run may have broken off after it wrote the unit.
    const state = await this.show('NeedDaemonReload', 'UnitFileState');
    if (unit.length > 0 || state.get('NeedDaemonReload') === 'yes') await this.must('daemon-reload');
    if (state.get('UnitFileState') === 'enabled') return changes;
    await this.must('enable', UNIT);
    return [...changes, `enabled ${SERVICE} with ${this.title}`];
  }

  async remove(): Promise<string[]> {
    if (!this.isEnabled()) return [];
    await this.must('disable', '--now', UNIT);
    rmSync(this.unit);
    rmSync(this.logrotate, { force: true });
    await this.must('daemon-reload');
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

  async act(verb: Verb, seconds = VERB_SECONDS): Promise<ServiceOutcome> {
    if (verb === 'once') {
      return { code: 1, text: `fail: ${SERVICE}: systemd cannot run a service only once; use start` };
    }
    const done = verb === 'graceful-kill' ? await this.stopOrKill(seconds) : await this.tell(verb, seconds);
    if (!WAITING.includes(verb) && done) return { code: 0, text: '' };
    const { text } = await this.status();
    const isAsWanted = text.startsWith(verb === 'start' || verb === 'restart' ? 'run:' : 'down:');
    return done && isAsWanted ? { code: 0, text: `ok: ${text}` } : { code: 1, text: `timeout: ${text}` };
  }

  /** Properties of the unit, by name. */
  private async show(...names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { stdout } = await this.run('systemctl', ['show', UNIT, `--property=${names.join(',')}`]);
    return new Map(stdout.split('\n').map((line) => [line.split('=', 1)[0] ?? '', afterEquals(line)]));
  }

  private async tell(verb: keyof typeof VERB_ARGUMENTS, seconds: number): Promise<boolean> {
    const timeoutMs = WAITING.includes(verb) ? seconds * 1000 : STATE_TIMEOUT_SECONDS * 1000;
    return (await this.run('systemctl', [...VERB_ARGUMENTS[verb], UNIT], { timeoutMs })).code === 0;
  }

  private async stopOrKill(seconds: number): Promise<boolean> {
    if (await this.tell('stop', seconds)) return true;
    await this.tell('kill', seconds);
    return this.tell('stop', seconds);
  }

  private async must(...args: readonly string[]): Promise<void> {
    const result = await this.run('systemctl', args);
    if (result.code !== 0)
      throw new AppError('systemctl', `systemctl ${args.join(' ')} failed: ${saidBy(result)}`);
  }
}

const afterEquals = (line: string): string => line.slice(line.indexOf('=') + 1);

/** systemd counts microseconds since the machine's start; 0 is never. */
const secondsSince = (microseconds: string | undefined): number => {
  const at = Number(microseconds ?? 0) / 1_000_000;
  return at === 0 ? 0 : Math.max(0, Math.round(uptime() - at));
};
