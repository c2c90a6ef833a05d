/** The advisory lock that the active server holds: two numbers that mean nothing but must not change. */
export const LEASE_LOCK = [728_391, 10_47] as const;

/** PostgreSQL cuts longer names. */
const LONGEST_NAME = 63;
const PREFIX = 'push-jobs-server lease';

/** The name of a server's connection on which it holds the lease or waits for it: it tells the process and its machine. */
export const leaseName = (pid: number, host: string): string =>
  `${PREFIX} ${pid}@${host}`.slice(0, LONGEST_NAME);

/** Whether a connection's name is such a one, of any server. */
export const isLeaseName = (name: string): boolean => name.startsWith(PREFIX);

/** The machine in such a name; undefined in those of older servers, which do not tell it. */
export const hostInLeaseName = (name: string): string | undefined => /@(.+)$/.exec(name)?.[1];

/** Whether a row `l` of pg_locks is the lease, as long as it is held; the lock is `$1` and `$2`. */
export const IS_HELD_LEASE = `l.locktype = 'advisory' AND l.granted AND l.classid = $1 AND l.objid = $2 AND l.objsubid = 2
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** The connections of all servers that hold the lease or wait for it: `name`, `holds`, and `silent_ms` since the last statement (null to another role). */
export const LEASE_CONNECTIONS = `
  SELECT a.application_name AS name, l.pid IS NOT NULL AS holds,
    (extract(epoch FROM clock_timestamp() - a.state_change) * 1000)::float8 AS silent_ms
  FROM pg_stat_activity a LEFT JOIN pg_locks l ON l.pid = a.pid AND ${IS_HELD_LEASE}
  WHERE a.datname = current_database() AND (l.pid IS NOT NULL OR a.application_name LIKE '${PREFIX}%')`;
