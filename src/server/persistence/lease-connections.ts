/** The advisory lock that the leader holds: two arbitrary numbers that must never change. */
export const LEASE_LOCK = [728_391, 10_47] as const;

/** PostgreSQL truncates longer names. */
const MAX_NAME_LENGTH = 63;
const PREFIX = 'push-jobs-server lease';

/** Returns the name of the connection on which a server holds the lease or waits for it. */
export const leaseName = (pid: number, host: string): string =>
  `${PREFIX} ${pid}@${host}`.slice(0, MAX_NAME_LENGTH);

/** Returns whether a connection has the name of a lease connection, of any server. */
export const isLeaseName = (name: string): boolean => name.startsWith(PREFIX);

/** Returns the host in the name of a lease connection; undefined if an older server made it. */
export const hostInLeaseName = (name: string): string | undefined => /@(.+)$/.exec(name)?.[1];

/** SQL condition: row `l` of pg_locks is a held lease; LEASE_LOCK is `$1` and `$2`. */
export const IS_HELD_LEASE = `l.locktype = 'advisory' AND l.granted AND l.classid = $1 AND l.objid = $2 AND l.objsubid = 2
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/**
 * SQL query for all connections that hold the lease or wait for it: `name`, `holds`, and `silent_ms`, the milliseconds
 * since its last statement (null if the role may not see it).
 */
export const LEASE_CONNECTIONS = `
  SELECT a.application_name AS name, l.pid IS NOT NULL AS holds,
    (extract(epoch FROM clock_timestamp() - a.state_change) * 1000)::float8 AS silent_ms
  FROM pg_stat_activity a LEFT JOIN pg_locks l ON l.pid = a.pid AND ${IS_HELD_LEASE}
  WHERE a.datname = current_database() AND (l.pid IS NOT NULL OR a.application_name LIKE '${PREFIX}%')`;
