import { migrate } from '../../../src/persistence/migrate.js';
import { grantReadOnly } from '../database/grant-read-only.js';
import { withSession } from '../database/session.js';
import { stopOldServer } from './old-server.js';
import type { Step } from './step.js';

/** Roles, database, tables and rights in PostgreSQL. */
export const databaseStep: Step = {
  name: 'database',
  run: async (installation) => {
    const { settings, runsService } = installation.product;
    if (!settings.bootstrap.enable || !runsService) return []; // another machine does it
    const made = await installation.bootstrapDatabase();
    const connection = installation.ownerConnection();
    const stopped = await stopOldServer(installation.context, connection);
    const migrated = await migrate(connection);
    const granted = await withSession(connection, (session) => grantReadOnly(session, settings.postgresql));
    return [...made, ...stopped, ...migrated.map((name) => `migrated the database: ${name}`), ...granted];
  },
};
