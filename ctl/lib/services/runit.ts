import { existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { ensureFile, readIfThere } from '../files.js';
import { SERVICE } from '../paths.js';
import type { RunProgram } from '../run-program.js';
import { NOT_YET, runScript, svlogdConfig, svlogdScript } from './runit-scripts.js';
import {
  type ServiceDefinition,
  type ServiceOutcome,
  STATUS_CODE,
  type Supervisor,
  type Verb,
  VERB_SECONDS,
} from './supervisor.js';

/** Where a runit has its parts. */
export interface RunitFolders {
  readonly title: string;
  /** Folders of all services, linked from `services` where they are enabled. */
  readonly definitions: string;
  /** What runsvdir watches. */
  readonly services: string;
  /** Links to `sv`, one a service, by which chef-server-ctl runs it; undefined where nobody needs them. */
  readonly init: string | undefined;
  /** Gives the path of sv, svlogd or chpst. */
  readonly tool: (name: string) => string;
}

/** runsvdir looks for new services every five seconds. */
const SEEN_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 100;

const EXECUTABLE = { mode: 0o755 };
const READABLE = { mode: 0o644 };

/** The verbs whose names in runit are others. */
const SV_VERBS: Partial<Record<Verb, string>> = { 'graceful-kill': 'force-stop', usr1: '1', usr2: '2' };

/** The service under a runit: Chef Server's own, so that chef-server-ctl sees it, or the system's. */
export class Runit implements Supervisor {
  private readonly definition: string;
  private readonly link: string;
  private readonly down: string;

  constructor(
    private readonly folders: RunitFolders,
    private readonly run: RunProgram,
  ) {
    this.definition = join(folders.definitions, SERVICE);
    this.link = join(folders.services, SERVICE);
    this.down = join(this.definition, 'down');
  }

  get title(): string {
    return this.folders.title;
  }

  isEnabled(): boolean {
    return isLink(this.link);
  }

  /** svlogd, which writes the log, rotates it. */
  missingRotator(): undefined {
    return undefined;
  }

  async install(service: ServiceDefinition): Promise<string[]> {
    const { tool } = this.folders;
    const wasSupervised = leadsTo(this.link, this.definition);
    const logConfig = ensureFile(
      join(service.logs, 'config'),
      svlogdConfig(service),
      service.switchTo === undefined ? READABLE : { ...READABLE, owner: service.switchTo },
    );
    const changes = [
      ...ensureFile(join(this.definition, 'run'), runScript(service, tool), EXECUTABLE),
      ...ensureFile(join(this.definition, 'log', 'run'), svlogdScript(service, tool), EXECUTABLE),
      ...logConfig,
      ...this.ensureInitLink(),
    ];
    if (await this.enable()) changes.push(`enabled ${SERVICE} with ${this.title}`);
    if (wasSupervised) changes.push(...(await this.ensureLogger(service, logConfig.length > 0)));
    return changes;
  }

  async remove(): Promise<string[]> {
    const wasThere = this.isEnabled() || existsSync(this.definition);
    if (this.isEnabled()) {
      await this.sv('force-stop', SERVICE);
      rmSync(this.link);
      await this.sv('exit', this.definition); // the supervisor and the logger of the service end, too
    }
    rmSync(this.definition, { recursive: true, force: true });
    if (this.folders.init !== undefined) rmSync(join(this.folders.init, SERVICE), { force: true });
    return wasThere ? [`removed ${SERVICE} from ${this.title}`] : [];
  }

  async status(): Promise<ServiceOutcome> {
    if (!this.isEnabled()) return notConfigured(STATUS_CODE.unknown);
    const text = await this.sv('status', SERVICE);
    if (text.startsWith('run:')) return { code: STATUS_CODE.running, text };
    return { code: text.startsWith('down:') ? STATUS_CODE.down : STATUS_CODE.unknown, text };
  }

  async act(verb: Verb, seconds = VERB_SECONDS): Promise<ServiceOutcome> {
    if (!this.isEnabled()) return notConfigured(1);
    const text = await this.sv(SV_VERBS[verb] ?? verb, SERVICE, seconds);
    return { code: text === '' || text.startsWith('ok:') || text.startsWith('kill: ') ? 0 : 1, text };
  }

  private async sv(verb: string, service: string, seconds = VERB_SECONDS): Promise<string> {
    const result = await this.run(this.folders.tool('sv'), ['-w', String(seconds), verb, service], {
      env: { SVDIR: this.folders.services },
    });
    return `${result.stdout}${result.stderr}`.trimEnd();
  }

  /** Has the service supervised, and not started by that; whether it had to be done. */
  private async enable(): Promise<boolean> {
    if (!leadsTo(this.link, this.definition) && !existsSync(this.down))
      ensureFile(this.down, NOT_YET, READABLE);
    // An old server's link can lead elsewhere; runsvdir ends what ran from there.
    const isNew = ensureLink(this.link, this.definition);
    await this.waitUntilSeen();
    if (readIfThere(this.down) === NOT_YET) rmSync(this.down); // a run that was killed here leaves it to the next one
    return isNew;
  }

  /** Has a logger that runs already write where it should, as whom it should, and rotate as its config says. */
  private async ensureLogger(service: ServiceDefinition, isReconfigured: boolean): Promise<string[]> {
    const pid = loggerPidIn(await this.sv('status', SERVICE));
    if (pid === undefined) return []; // it will read all that when it starts
    if (isLoggerOf(service, pid)) {
      if (isReconfigured) await this.sv('hup', `${SERVICE}/log`);
      return [];
    }
    const text = await this.sv('restart', `${SERVICE}/log`);
    if (text.startsWith('ok:')) return [`restarted the logger, which writes to ${service.logs}`];
    throw new AppError('logger', `the logger, which is to write to ${service.logs}, does not start: ${text}`);
  }

  private ensureInitLink(): string[] {
    const { init, tool } = this.folders;
    if (init === undefined) return [];
    return ensureLink(join(init, SERVICE), tool('sv')) ? [`linked ${join(init, SERVICE)}`] : [];
  }

  private async waitUntilSeen(): Promise<void> {
    const deadline = performance.now() + SEEN_WITHIN_MS;
    while (!(existsSync(join(this.definition, 'supervise', 'ok')) && (await this.isSupervised()))) {
      if (performance.now() > deadline) {
        throw new AppError(
          'service_unseen',
          `${this.title} did not take ${SERVICE} up within ${SEEN_WITHIN_MS / 1000} s: is runsvdir running on ` +
            `${this.folders.services}?`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  private async isSupervised(): Promise<boolean> {
    return /^(run|down|finish):/.test(await this.sv('status', SERVICE));
  }
}

const notConfigured = (code: number): ServiceOutcome => ({
  code,
  text: `fail: ${SERVICE}: not configured here; run: opscode-push-jobs-server-ctl reconfigure`,
});

const loggerPidIn = (status: string): string | undefined => /; run: log: \(pid (\d+)\)/.exec(status)?.[1];

/** Whether the process is the logger as it should be; what it was started with stays for as long as it runs. */
const isLoggerOf = ({ logs, switchTo }: ServiceDefinition, pid: string): boolean => {
  const process = `/proc/${pid}`;
  const is = statSync(process, { throwIfNoEntry: false });
  const started = readIfThere(join(process, 'cmdline'))?.split('\0') ?? [];
  return started.includes(logs) && (switchTo === undefined || is?.uid === switchTo.uid);
};

const isLink = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;

const leadsTo = (link: string, target: string): boolean => isLink(link) && readlinkSync(link) === target;

/** Sees that a link leads there; whether it had to be made. */
const ensureLink = (link: string, target: string): boolean => {
  if (leadsTo(link, target)) return false;
  if (isLink(link)) rmSync(link);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(target, link);
  return true;
};
