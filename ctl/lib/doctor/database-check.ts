import { AppError, messageOf } from '../../../src/shared/lib/app-error.js';
import { pendingMigrations } from '../../../src/server/persistence/migrate.js';
import { connectionAs } from '../database/bootstrap-database.js';
import { withDatabaseConnection } from '../database/database-connection.js';
import { requireSecret } from '../secrets/server-secrets.js';
import { fault, type Check, ok, warning } from './check.js';
import type { Finding } from '../../../src/shared/lib/finding.js';

const RECONFIGURE = 'run: opscode-push-jobs-server-ctl reconfigure';

/** Checks that both roles reach PostgreSQL, and that the tables are up to date. */
export const databaseCheck: Check = {
  name: 'database',
  run: async (installation) => {
    if (!installation.settings.runsService) return []; // only the machine that runs the service has the password
    try {
      const pending = await pendingMigrations(installation.ownerConnection());
      const tables =
        pending.length === 0
          ? ok('the tables are up to date')
          : fault(
              `migrations are missing: ${pending.join(', ')}`,
              'run: opscode-push-jobs-server-ctl upgrade',
            );
      return [tables, await checkReadOnlyRole(installation)];
    } catch (thrown) {
      const text = messageOf(thrown);
      return [
        fault(
          text,
          thrown instanceof AppError && thrown.code === 'secret_missing' ? RECONFIGURE : adviceIn(text),
        ),
      ];
    }
  },
};

/** A database error's message ends with what to check, after the last semicolon. */
const adviceIn = (text: string): string => text.slice(text.lastIndexOf(';') + 1).trim() || RECONFIGURE;

const checkReadOnlyRole = async ({ settings, secrets }: Parameters<Check['run']>[0]): Promise<Finding> => {
  const { postgresql } = settings.sections;
  try {
    const password = requireSecret(secrets, 'sql_ro_password');
    const connection = connectionAs(postgresql, 'sql_ro_user', password);
    await withDatabaseConnection(
      connection,
      (database) => database.query('SELECT 1 FROM jobs LIMIT 1'),
      'read-only',
    );
    return ok(`${postgresql.sql_ro_user} can read`);
  } catch (thrown) {
    return warning(`${postgresql.sql_ro_user} cannot read: ${messageOf(thrown)}`, RECONFIGURE);
  }
};
