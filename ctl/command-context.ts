import { AppError } from '../src/shared/lib/app-error.js';
import type { CtlEnvironment } from './ctl-environment.js';
import { type Paths, pathsBelow } from './lib/paths.js';
import { loadProduct, type Product } from './lib/settings/resolve-settings.js';
import { findSupervisor } from './lib/services/find-supervisor.js';
import type { Supervisor } from './lib/services/supervisor.js';

/** The name under which the program speaks of itself. */
export const PROGRAM = 'opscode-push-jobs-server-ctl';

/** What every command works with. */
export class CommandContext {
  readonly paths: Paths;
  private product: Product | undefined;

  constructor(
    readonly environment: CtlEnvironment,
    root: string,
  ) {
    this.paths = pathsBelow(root);
  }

  /** Writes a line for the user. */
  say(text = ''): void {
    this.environment.stdout.write(`${text}\n`);
  }

  /** Writes a line about something that is wrong. */
  warn(text: string): void {
    this.environment.stderr.write(`${text}\n`);
  }

  /** The settings, read at the first call; throws an AppError with file and line. */
  loadProduct(): Product {
    this.product ??= loadProduct(this.paths, this.environment);
    return this.product;
  }

  /** What supervises services on this machine; undefined where nothing does. */
  findSupervisor(): Supervisor | undefined {
    return findSupervisor(this.paths, this.environment.run);
  }

  /** What supervises services on this machine; throws an AppError where nothing does. */
  supervisor(): Supervisor {
    const found = this.findSupervisor();
    if (found !== undefined) return found;
    const { chefServer, under } = this.paths;
    throw new AppError(
      'no_supervisor',
      `there is nothing here that runs services: no Chef Server (${chefServer}/service), no systemd ` +
        `(${under('/run/systemd/system')}) and no runit (${under('/etc/service')})`,
    );
  }
}
