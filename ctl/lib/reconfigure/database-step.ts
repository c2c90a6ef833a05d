import { ALL_MIGRATIONS, migrate, pendingMigrations } from '../../../src/server/persistence/migrate.js';
import { databaseCreated, roleCreated } from '../database/bootstrap-database.js';
import { grantReadOnly, readOnlyGranted } from '../database/grant-read-only.js';
import { withDatabaseConnection } from '../database/database-connection.js';
import type { Installation } from '../installation.js';
import { stopOldServer } from './stop-old-server.js';
import type { PlannedStep } from './step.js';

/** Creates roles, database, tables and rights in PostgreSQL. */
export const databaseStep: PlannedStep = {
  name: 'database',
  run: async (installation) => {
    if (!managesDatabase(installation)) return [];
    const { postgresql } = installation.settings.sections;
    const created = await installation.bootstrapDatabase('change');
    const connection = installation.ownerConnection();
    const stopped = await stopOldServer(installation, connection, 'change');
    const migrated = await migrate(connection);
    const granted = await withDatabaseConnection(connection, (database) =>
      grantReadOnly(database, postgresql),
    );
    return [...created, ...stopped, ...migrated.map(migrationReport), ...granted];
  },
  plan: async (installation) => {
    if (!managesDatabase(installation)) return [];
    const { postgresql } = installation.settings.sections;
    const created = await installation.bootstrapDatabase('read-only');
    const grantToNewRole = readOnlyGranted(postgresql.sql_ro_user);
    if (created.includes(databaseCreated(postgresql))) {
      return [...created, ...ALL_MIGRATIONS.map(migrationReport), grantToNewRole];
    }
    // If something is still to be created, the owner may not be able to log in yet, but the superuser is.
    const connection =
      created.length === 0 ? installation.ownerConnection() : installation.superuserConnection();
    const stopped = await stopOldServer(installation, connection, 'read-only');
    const pending = await pendingMigrations(connection);
    const granted = created.includes(roleCreated(postgresql.sql_ro_user))
      ? [grantToNewRole]
      : await withDatabaseConnection(
          connection,
          (database) => grantReadOnly(database, postgresql),
          'read-only',
        );
    return [...created, ...stopped, ...pending.map(migrationReport), ...granted];
  },
};

/** Otherwise another machine or an administrator manages the database. */
const managesDatabase = ({ settings: { sections, runsService } }: Installation): boolean =>
  sections.bootstrap.enable && runsService;

const migrationReport = (name: string): string => `migrated the database: ${name}`;
