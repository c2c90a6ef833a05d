import { AppError, messageOf } from '../../../src/shared/lib/app-error.js';
import { pendingMigrations } from '../../../src/server/persistence/migrate.js';
import { connectionAs } from '../database/bootstrap-database.js';
import { withSession } from '../database/session.js';
import { mustHave } from '../secrets/server-secrets.js';
import { bad, type Check, type Finding, good, warning } from './check.js';

const RECONFIGURE = 'run: opscode-push-jobs-server-ctl reconfigure';

/** PostgreSQL: reachable by both roles, with up-to-date tables. */
export const databaseCheck: Check = {
  name: 'database',
  run: async (installation) => {
    if (!installation.product.runsService) return []; // its password is where the service runs
    try {
      const pending = await pendingMigrations(installation.ownerConnection());
      const tables =
        pending.length === 0
          ? good('the tables are up to date')
          : bad(`migrations are missing: ${pending.join(', ')}`, 'run: opscode-push-jobs-server-ctl upgrade');
      return [tables, await readOnlyRole(installation)];
    } catch (thrown) {
      const text = messageOf(thrown);
      return [
        bad(
          text,
          thrown instanceof AppError && thrown.code === 'secret_missing' ? RECONFIGURE : adviceIn(text),
        ),
      ];
    }
  },
};

/** The message of a fault of the database ends with what to check. */
const adviceIn = (text: string): string => text.slice(text.lastIndexOf(';') + 1).trim() || RECONFIGURE;

const readOnlyRole = async ({ product, secrets }: Parameters<Check['run']>[0]): Promise<Finding> => {
  const { postgresql } = product.settings;
  try {
    const password = mustHave(secrets, 'sql_ro_password');
    const connection = connectionAs(postgresql, 'sql_ro_user', password);
    await withSession(connection, (session) => session.query('SELECT 1 FROM jobs LIMIT 1'), 'look');
    return good(`${postgresql.sql_ro_user} can read`);
  } catch (thrown) {
    return warning(`${postgresql.sql_ro_user} cannot read: ${messageOf(thrown)}`, RECONFIGURE);
  }
};
