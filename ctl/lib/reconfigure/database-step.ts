import { ALL_MIGRATIONS, migrate, pendingMigrations } from '../../../src/server/persistence/migrate.js';
import { databaseMade, roleMade } from '../database/bootstrap-database.js';
import { grantReadOnly, readOnlyGranted } from '../database/grant-read-only.js';
import { withSession } from '../database/session.js';
import type { Installation } from '../installation.js';
import { retireOldServer } from './old-server.js';
import type { PlannedStep } from './step.js';

/** Roles, database, tables and rights in PostgreSQL. */
export const databaseStep: PlannedStep = {
  name: 'database',
  run: async (installation) => {
    if (!isOurs(installation)) return [];
    const { postgresql } = installation.product.settings;
    const made = await installation.bootstrapDatabase('change');
    const connection = installation.ownerConnection();
    const retired = await retireOldServer(installation, connection, 'change');
    const migrated = await migrate(connection);
    const granted = await withSession(connection, (session) => grantReadOnly(session, postgresql));
    return [...made, ...retired, ...migrated.map(migrationRun), ...granted];
  },
  plan: async (installation) => {
    if (!isOurs(installation)) return [];
    const { postgresql } = installation.product.settings;
    const made = await installation.bootstrapDatabase('look');
    const grantedToNew = readOnlyGranted(postgresql.sql_ro_user);
    if (made.includes(databaseMade(postgresql))) {
      return [...made, ...ALL_MIGRATIONS.map(migrationRun), grantedToNew];
    }
    // The owner may not get in yet; where something is to be made, the superuser does.
    const connection =
      made.length === 0 ? installation.ownerConnection() : installation.superuserConnection();
    const retired = await retireOldServer(installation, connection, 'look');
    const pending = await pendingMigrations(connection);
    const granted = made.includes(roleMade(postgresql.sql_ro_user))
      ? [grantedToNew]
      : await withSession(connection, (session) => grantReadOnly(session, postgresql), 'look');
    return [...made, ...retired, ...pending.map(migrationRun), ...granted];
  },
};

/** Another machine may do it, or an administrator by hand. */
const isOurs = ({ product: { settings, runsService } }: Installation): boolean =>
  settings.bootstrap.enable && runsService;

const migrationRun = (name: string): string => `migrated the database: ${name}`;
