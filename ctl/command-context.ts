import { AppError } from '../src/shared/lib/app-error.js';
import type { CtlEnvironment } from './ctl-environment.js';
import { type Paths, pathsBelow } from './lib/paths.js';
import { resolveSettings, type ResolvedSettings } from './lib/settings/resolve-settings.js';
import { findSupervisor } from './lib/services/find-supervisor.js';
import type { ServiceSupervisor } from './lib/services/service-supervisor.js';

/** The program's name. */
export const PROGRAM = 'opscode-push-jobs-server-ctl';

/** What every command receives: paths, settings, output and the service supervisor. */
export class CommandContext {
  readonly paths: Paths;
  private settings: ResolvedSettings | undefined;

  constructor(
    readonly environment: CtlEnvironment,
    root: string,
  ) {
    this.paths = pathsBelow(root);
  }

  /** Writes a line to standard output. */
  print(text = ''): void {
    this.environment.stdout.write(`${text}\n`);
  }

  /** Writes a line to standard error. */
  warn(text: string): void {
    this.environment.stderr.write(`${text}\n`);
  }

  /** Reads the settings at the first call. Throws an AppError with file and line. */
  loadSettings(): ResolvedSettings {
    this.settings ??= resolveSettings(this.paths, this.environment);
    return this.settings;
  }

  /** Returns the service supervisor of this machine, or undefined if there is none. */
  findSupervisor(): ServiceSupervisor | undefined {
    return findSupervisor(this.paths, this.environment.run);
  }

  /** Returns the service supervisor of this machine. Throws an AppError if there is none. */
  requireSupervisor(): ServiceSupervisor {
    const found = this.findSupervisor();
    if (found !== undefined) return found;
    const { chefServer, under } = this.paths;
    throw new AppError(
      'no_supervisor',
      `this machine has no service supervisor: no Chef Server (${chefServer}/service), no systemd ` +
        `(${under('/run/systemd/system')}) and no runit (${under('/etc/service')})`,
    );
  }
}
