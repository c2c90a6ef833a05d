import { join } from 'node:path';
import type { ServerConfig } from '../../src/server/config/server-config.js';
import { AppError } from '../../src/shared/lib/app-error.js';
import type { Connection } from '../../src/server/persistence/connection-options.js';
import type { CommandContext } from '../command-context.js';
import { AppliedState } from './applied-state.js';
import { bootstrapDatabase, connectionAs, refuseOldDatabase } from './database/bootstrap-database.js';
import type { Mode } from './database/session.js';
import type { Owner } from './files.js';
import { Nginx } from './nginx.js';
import { mustHave } from './secrets/server-secrets.js';
import { openSecrets } from './secrets/open-secrets.js';
import type { SecretsStore } from './secrets/secrets-store.js';
import type { Product } from './settings/resolve-settings.js';
import { findUser } from './users.js';

/** What may be told to reconfigure and upgrade on the command line. */
export interface ReconfigureOptions {
  /** The password of PostgreSQL's superuser, where no secrets file has it. */
  readonly superuserPassword: string | undefined;
}

/** What the steps of reconfigure share; it begins only where the settings are whole. The secrets file is opened once; each step that changes it saves it. */
export class Installation {
  readonly product: Product;
  readonly applied: AppliedState;
  readonly serverConfig: ServerConfig;
  private store: SecretsStore | undefined;
  private foundOwner: Owner | undefined;

  constructor(
    readonly context: CommandContext,
    readonly options: ReconfigureOptions,
  ) {
    this.product = context.loadProduct();
    this.serverConfig = this.product.serverConfig;
    this.applied = new AppliedState(join(this.product.folders.etc, 'applied.json'));
  }

  /** Throws an AppError where there is no file for them. */
  get secrets(): SecretsStore {
    this.store ??= openSecrets(this.product);
    return this.store;
  }

  /** The service user; throws an AppError where there is none. */
  async owner(): Promise<Owner> {
    const { serviceUser } = this.product;
    this.foundOwner ??= await findUser(serviceUser, this.context.environment.run);
    if (this.foundOwner !== undefined) return this.foundOwner;
    throw new AppError(
      'user_missing',
      `the user ${serviceUser}, which the service runs as, is not on this machine`,
    );
  }

  /** Chef Server's nginx; undefined where there is none. */
  nginx(): Nginx | undefined {
    return Nginx.ofChefServer(this.context.paths, this.context.environment.run);
  }

  /** Throws an AppError where it is known that PostgreSQL is too old for this version. */
  async refuseOldDatabase(): Promise<void> {
    const { runsService, settings } = this.product;
    if (!runsService || !settings.bootstrap.enable) return;
    const owner = this.secrets.get('sql_password');
    await refuseOldDatabase(settings.postgresql, {
      ...(owner === undefined ? {} : { owner }),
      superuser: this.superuserPassword,
    });
  }

  /** Sees that roles and database are there; says what it did, or would do. */
  bootstrapDatabase(mode: Mode): Promise<string[]> {
    return bootstrapDatabase(
      this.product.settings.postgresql,
      {
        owner: mustHave(this.secrets, 'sql_password'),
        readOnly: mustHave(this.secrets, 'sql_ro_password'),
        superuser: this.superuserPassword,
      },
      mode,
    );
  }

  /** The way to the database as its owner. */
  ownerConnection(): Connection {
    return connectionAs(this.product.settings.postgresql, 'sql_user', mustHave(this.secrets, 'sql_password'));
  }

  /** The way to the database as the one who may do anything there; it can only be gone where the password is known. */
  superuserConnection(): Connection {
    return connectionAs(this.product.settings.postgresql, 'db_superuser', this.superuserPassword);
  }

  private get superuserPassword(): string | undefined {
    return this.options.superuserPassword ?? this.secrets.get('db_superuser_password', 'postgresql');
  }
}
