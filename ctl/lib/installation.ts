import { join } from 'node:path';
import type { ServerConfig } from '../../src/server/config/server-config.js';
import { AppError } from '../../src/shared/lib/app-error.js';
import type { Connection } from '../../src/server/persistence/connection-options.js';
import type { CommandContext } from '../command-context.js';
import { AppliedState } from './applied-state.js';
import { bootstrapDatabase, connectionAs, requireSupportedPostgres } from './database/bootstrap-database.js';
import type { DatabaseMode } from './database/database-connection.js';
import type { Owner } from './files.js';
import { Nginx } from './nginx.js';
import { requireSecret } from './secrets/server-secrets.js';
import { openSecrets } from './secrets/open-secrets.js';
import type { SecretsStore } from './secrets/secrets-store.js';
import type { ResolvedSettings } from './settings/resolve-settings.js';
import { findUser } from './users.js';

/** Options of the commands that create an Installation. */
export interface InstallationOptions {
  /** The password of PostgreSQL's superuser, if it is not in the secrets file. */
  readonly superuserPassword: string | undefined;
}

/**
 * The server's installation on this machine: its settings, secrets, database and nginx. The constructor throws an
 * AppError if settings are invalid or missing. The secrets file is opened once; a step that changes secrets saves it.
 */
export class Installation {
  readonly settings: ResolvedSettings;
  readonly applied: AppliedState;
  readonly serverConfig: ServerConfig;
  private store: SecretsStore | undefined;
  private foundOwner: Owner | undefined;

  constructor(
    readonly context: CommandContext,
    readonly options: InstallationOptions,
  ) {
    this.settings = context.loadSettings();
    this.serverConfig = this.settings.serverConfig; // throws at once if a setting is missing
    this.applied = new AppliedState(join(this.settings.folders.etc, 'applied.json'));
  }

  /** Throws an AppError if the secrets file is missing. */
  get secrets(): SecretsStore {
    this.store ??= openSecrets(this.settings);
    return this.store;
  }

  /** Returns the service user. Throws an AppError if it does not exist. */
  async owner(): Promise<Owner> {
    const { serviceUser } = this.settings;
    this.foundOwner ??= await findUser(serviceUser, this.context.environment.run);
    if (this.foundOwner !== undefined) return this.foundOwner;
    throw new AppError('user_missing', `the service's user ${serviceUser} does not exist on this machine`);
  }

  /** Returns Chef Server's nginx, or undefined if there is none. */
  nginx(): Nginx | undefined {
    return Nginx.ofChefServer(this.context.paths, this.context.environment.run);
  }

  /** Throws an AppError if PostgreSQL is reachable and too old. */
  async requireSupportedPostgres(): Promise<void> {
    const { runsService, sections } = this.settings;
    if (!runsService || !sections.bootstrap.enable) return;
    const owner = this.secrets.get('sql_password');
    await requireSupportedPostgres(sections.postgresql, {
      ...(owner === undefined ? {} : { owner }),
      superuser: this.superuserPassword,
    });
  }

  /** Ensures that roles and database exist. Returns a line per change. */
  bootstrapDatabase(mode: DatabaseMode): Promise<string[]> {
    return bootstrapDatabase(
      this.settings.sections.postgresql,
      {
        owner: requireSecret(this.secrets, 'sql_password'),
        readOnly: requireSecret(this.secrets, 'sql_ro_password'),
        superuser: this.superuserPassword,
      },
      mode,
    );
  }

  /** Returns the connection options of the database's owner. */
  ownerConnection(): Connection {
    return connectionAs(
      this.settings.sections.postgresql,
      'sql_user',
      requireSecret(this.secrets, 'sql_password'),
    );
  }

  /** Returns the connection options of PostgreSQL's superuser. */
  superuserConnection(): Connection {
    return connectionAs(this.settings.sections.postgresql, 'db_superuser', this.superuserPassword);
  }

  private get superuserPassword(): string | undefined {
    return this.options.superuserPassword ?? this.secrets.get('db_superuser_password', 'postgresql');
  }
}
