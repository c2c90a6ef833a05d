import { existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { ensureFile, readIfExists } from '../files.js';
import { SERVICE } from '../paths.js';
import type { RunProgram } from '../run-program.js';
import { OUR_DOWN_FILE, runScript, svlogdConfig, svlogdScript } from './runit-scripts.js';
import {
  type ServiceDefinition,
  type ServiceOutcome,
  STATUS_CODE,
  type ServiceSupervisor,
  type Verb,
  VERB_SECONDS,
} from './service-supervisor.js';

/** Folders and programs of a runit. */
export interface RunitFolders {
  readonly title: string;
  /** Folders of all services; enabled ones are linked from `services`. */
  readonly definitions: string;
  /** What runsvdir watches. */
  readonly services: string;
  /** Links to `sv`, one per service, through which chef-server-ctl controls it; undefined without Chef Server. */
  readonly init: string | undefined;
  /** Returns the path of sv, svlogd or chpst. */
  readonly tool: (name: string) => string;
}

/** runsvdir looks for new services every five seconds. */
const SUPERVISED_TIMEOUT_MS = 20_000;
const POLL_INTERVAL_MS = 100;

const EXECUTABLE = { mode: 0o755 };
const READABLE = { mode: 0o644 };

/** Verbs with another name in runit. */
const SV_VERBS: Partial<Record<Verb, string>> = { 'graceful-kill': 'force-stop', usr1: '1', usr2: '2' };

/** The service under Chef Server's runit or the system's. */
export class Runit implements ServiceSupervisor {
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

  /** svlogd writes and rotates the log. */
  missingLogRotator(): undefined {
    return undefined;
  }

  async install(service: ServiceDefinition): Promise<string[]> {
    const { tool } = this.folders;
    const wasSupervised = pointsTo(this.link, this.definition);
    const logConfig = await ensureFile(
      join(service.logs, 'config'),
      svlogdConfig(service),
      service.switchTo === undefined ? READABLE : { ...READABLE, owner: service.switchTo },
    );
    const changes = [
      ...(await ensureFile(join(this.definition, 'run'), runScript(service, tool), EXECUTABLE)),
      ...(await ensureFile(join(this.definition, 'log', 'run'), svlogdScript(service, tool), EXECUTABLE)),
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
      await this.sv('exit', this.definition); // also ends runsv and the logger of the service
    }
    rmSync(this.definition, { recursive: true, force: true });
    if (this.folders.init !== undefined) rmSync(join(this.folders.init, SERVICE), { force: true });
    return wasThere ? [`removed ${SERVICE} from ${this.title}`] : [];
  }

  async status(): Promise<ServiceOutcome> {
    if (!this.isEnabled()) return notConfiguredOutcome(STATUS_CODE.unknown);
    const text = await this.sv('status', SERVICE);
    if (text.startsWith('run:')) return { code: STATUS_CODE.running, text };
    return { code: text.startsWith('down:') ? STATUS_CODE.down : STATUS_CODE.unknown, text };
  }

  async control(verb: Verb, seconds = VERB_SECONDS): Promise<ServiceOutcome> {
    if (!this.isEnabled()) return notConfiguredOutcome(1);
    const text = await this.sv(SV_VERBS[verb] ?? verb, SERVICE, seconds);
    return { code: text === '' || text.startsWith('ok:') || text.startsWith('kill: ') ? 0 : 1, text };
  }

  private async sv(verb: string, service: string, seconds = VERB_SECONDS): Promise<string> {
    const result = await this.run(this.folders.tool('sv'), ['-w', String(seconds), verb, service], {
      env: { SVDIR: this.folders.services },
    });
    return `${result.stdout}${result.stderr}`.trimEnd();
  }

  /** Enables the service without starting it. Returns whether it was disabled before. */
  private async enable(): Promise<boolean> {
    if (!pointsTo(this.link, this.definition) && !existsSync(this.down))
      await ensureFile(this.down, OUR_DOWN_FILE, READABLE);
    // An old server's link can point elsewhere; runsvdir then ends the old service.
    const isNew = ensureLink(this.link, this.definition);
    await this.waitUntilSupervised();
    if (readIfExists(this.down) === OUR_DOWN_FILE) rmSync(this.down); // also removes the file of an earlier run that was killed
    return isNew;
  }

  /** Ensures that a running logger has the right folder, user and rotation. Returns a line per change. */
  private async ensureLogger(service: ServiceDefinition, isReconfigured: boolean): Promise<string[]> {
    const pid = loggerPidIn(await this.sv('status', SERVICE));
    if (pid === undefined) return []; // it reads its settings when it starts
    if (isLoggerOf(service, pid)) {
      if (isReconfigured) await this.sv('hup', `${SERVICE}/log`);
      return [];
    }
    const text = await this.sv('restart', `${SERVICE}/log`);
    if (text.startsWith('ok:')) return [`restarted the logger, which writes to ${service.logs}`];
    throw new AppError('logger', `the logger for ${service.logs} does not start: ${text}`);
  }

  private ensureInitLink(): string[] {
    const { init, tool } = this.folders;
    if (init === undefined) return [];
    return ensureLink(join(init, SERVICE), tool('sv')) ? [`linked ${join(init, SERVICE)}`] : [];
  }

  private async waitUntilSupervised(): Promise<void> {
    const deadline = performance.now() + SUPERVISED_TIMEOUT_MS;
    while (!(existsSync(join(this.definition, 'supervise', 'ok')) && (await this.isSupervised()))) {
      if (performance.now() > deadline) {
        throw new AppError(
          'service_unseen',
          `${this.title} did not supervise ${SERVICE} within ${SUPERVISED_TIMEOUT_MS / 1000} s: check that runsvdir runs ` +
            `on ${this.folders.services}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
    }
  }

  private async isSupervised(): Promise<boolean> {
    return /^(run|down|finish):/.test(await this.sv('status', SERVICE));
  }
}

const notConfiguredOutcome = (code: number): ServiceOutcome => ({
  code,
  text: `fail: ${SERVICE}: not configured here; run: opscode-push-jobs-server-ctl reconfigure`,
});

const loggerPidIn = (status: string): string | undefined => /; run: log: \(pid (\d+)\)/.exec(status)?.[1];

/** Whether a running logger was started for this folder and user. */
const isLoggerOf = ({ logs, switchTo }: ServiceDefinition, pid: string): boolean => {
  const process = `/proc/${pid}`;
  const is = statSync(process, { throwIfNoEntry: false });
  const started = readIfExists(join(process, 'cmdline'))?.split('\0') ?? [];
  return started.includes(logs) && (switchTo === undefined || is?.uid === switchTo.uid);
};

const isLink = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;

const pointsTo = (link: string, target: string): boolean => isLink(link) && readlinkSync(link) === target;

/** Ensures that a link points to the target. Returns whether it changed. */
const ensureLink = (link: string, target: string): boolean => {
  if (pointsTo(link, target)) return false;
  if (isLink(link)) rmSync(link);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(target, link);
  return true;
};
