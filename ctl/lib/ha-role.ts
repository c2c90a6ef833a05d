import { hostname } from 'node:os';
import { z } from 'zod';
import { messageOf } from '../../src/shared/lib/app-error.js';
import { LEASE_TIMINGS } from '../../src/server/persistence/leadership-lease.js';
import {
  hostInLeaseName,
  isLeaseName,
  LEASE_CONNECTIONS,
  LEASE_LOCK,
  leaseName,
} from '../../src/server/persistence/lease-connections.js';
import { withDatabaseConnection } from './database/database-connection.js';
import type { Installation } from './installation.js';
import { fetchServerStatus } from './server-status.js';
import { pidIn } from './services/service-supervisor.js';

/** After it gets the lease, the active server waits 3 s before it starts. */
const SETTLE_TIMEOUT_MS = 15_000;
const POLL_INTERVAL_MS = 500;

/** The role of the server on this machine among the servers that share its database. */
export type HaRole =
  /** It must respond: it is the only server or the active one. Also the role of a server that does not run but should. */
  | { readonly kind: 'active' }
  /** It waits for the active server to end, and does not respond until then. */
  | { readonly kind: 'standby'; readonly activeHost: string }
  /** It is a standby, and no server is active any more. */
  | { readonly kind: 'taking-over' }
  /** It runs, but neither responds nor waits for the lease. */
  | { readonly kind: 'silent'; readonly reason: string }
  /** It runs and does not respond, and the database does not show whether it waits. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** A connection on which a server holds the lease or waits for it. */
export interface LeaseConnection {
  readonly name: string;
  readonly holds: boolean;
  /** Milliseconds since its last statement; null if the connection belongs to another database role. */
  readonly silent_ms: number | null;
}

const leaseConnections = z.array(
  z.object({ name: z.string(), holds: z.boolean(), silent_ms: z.number().nullable() }),
);

/** Finds the role of the server on this machine; without `ha` it is always active. */
export const findHaRole = async (installation: Installation): Promise<HaRole> => {
  const { settings, context } = installation;
  if (!settings.runsService || !settings.serverConfig.ha) return { kind: 'active' };
  const pid = pidIn(await context.requireSupervisor().status());
  if (pid === undefined) return { kind: 'active' };
  const haRole = await askDatabase(installation, leaseName(pid, hostname()));
  // An address that moves with the active server also responds here, so ask it only if this server is no standby.
  const isDoubtful = haRole.kind === 'silent' || haRole.kind === 'unknown';
  return isDoubtful && 'status' in (await fetchServerStatus(settings)) ? { kind: 'active' } : haRole;
};

/** Like findHaRole, but waits up to 15 s while the server is silent: a new active server needs some seconds to respond. */
export const waitForHaRole = async (installation: Installation): Promise<HaRole> => {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const haRole = await findHaRole(installation);
    if (haRole.kind !== 'silent' || performance.now() > deadline) return haRole;
    await installation.context.environment.sleep(POLL_INTERVAL_MS);
  }
};

/**
 * Returns the hosts of the standbys of the server on this machine; empty if it is not the active one. Throws an AppError
 * if the database cannot be queried.
 */
export const findStandbys = async (installation: Installation): Promise<string[]> => {
  const { settings, context } = installation;
  if (!settings.runsService || !settings.serverConfig.ha) return [];
  const pid = pidIn(await context.requireSupervisor().status());
  return pid === undefined
    ? []
    : standbysOf(await queryLeaseConnections(installation), leaseName(pid, hostname()));
};

const askDatabase = async (installation: Installation, ownName: string): Promise<HaRole> => {
  try {
    return haRoleIn(await queryLeaseConnections(installation), ownName);
  } catch (thrown) {
    return { kind: 'unknown', reason: messageOf(thrown) };
  }
};

const queryLeaseConnections = async (installation: Installation): Promise<LeaseConnection[]> => {
  const rows = await withDatabaseConnection(
    installation.ownerConnection(),
    (database) => database.query(LEASE_CONNECTIONS, LEASE_LOCK),
    'read-only',
  );
  return leaseConnections.parse(rows);
};

/** Decides the role of the server whose lease connection has this name, assuming that it does not respond. */
export const haRoleIn = (connections: readonly LeaseConnection[], ownName: string): HaRole => {
  const own = connections.find(({ name }) => name === ownName);
  const active = connections.find(({ holds }) => holds);
  if (own === undefined && active !== undefined && !isLeaseName(active.name)) {
    return {
      kind: 'unknown',
      reason:
        `the active server's connection is named '${active.name}': a proxy before PostgreSQL drops the names ` +
        '(application_name) that identify servers',
    };
  }
  if (own === undefined) {
    return {
      kind: 'silent',
      reason: 'it has no connection to the database on which it could wait for the lease',
    };
  }
  if (own === active)
    return {
      kind: 'silent',
      reason: 'it is the active server, and must respond some seconds after it became active',
    };
  const silentMs = own.silent_ms ?? 0;
  if (silentMs > LEASE_TIMINGS.stalledAfter) {
    const seconds = Math.round(silentMs / 1000);
    return { kind: 'silent', reason: `it hangs: it last tried to get the lease ${seconds} s ago` };
  }
  if (active === undefined) return { kind: 'taking-over' };
  return { kind: 'standby', activeHost: hostOf(active) };
};

/** Returns the hosts of the standbys, if the server whose lease connection has this name is the active one. */
export const standbysOf = (connections: readonly LeaseConnection[], ownName: string): string[] =>
  connections.some(({ name, holds }) => holds && name === ownName)
    ? connections.filter(({ holds }) => !holds).map(hostOf)
    : [];

const hostOf = ({ name }: LeaseConnection): string => hostInLeaseName(name) ?? 'another machine';
