import { hostname } from 'node:os';
import { z } from 'zod';
import { messageOf } from '../../src/shared/lib/app-error.js';
import { LEASE_TIMINGS } from '../../src/server/persistence/active-lease.js';
import {
  hostInLeaseName,
  isLeaseName,
  LEASE_CONNECTIONS,
  LEASE_LOCK,
  leaseName,
} from '../../src/server/persistence/lease-connections.js';
import { withSession } from './database/session.js';
import type { Installation } from './installation.js';
import { askServer } from './server-status.js';
import { pidIn } from './services/supervisor.js';

/** The active server waits 3 s before it begins to start. */
const SETTLES_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 500;

/** What the server on this machine is among those on its database. */
export type Standing =
  /** It is to answer: alone, or the active one. So is one that does not run: it should. */
  | { readonly kind: 'serves' }
  /** It waits for the active one to end, and answers nothing until then. */
  | { readonly kind: 'stands by'; readonly activeHost: string }
  /** It waits, and nobody is active any more. */
  | { readonly kind: 'takes over' }
  /** It runs, neither answers nor waits, and should. */
  | { readonly kind: 'silent'; readonly reason: string }
  /** It runs and does not answer, and the database does not tell whether it waits. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** A connection on which a server holds the lease or waits for it. */
export interface LeaseConnection {
  readonly name: string;
  readonly holds: boolean;
  /** Milliseconds since its last statement; null where it is another role's. */
  readonly silent_ms: number | null;
}

const leaseConnections = z.array(
  z.object({ name: z.string(), holds: z.boolean(), silent_ms: z.number().nullable() }),
);

/** Finds out what the server on this machine is; only with `ha` can it be anything but one that serves. */
export const findStanding = async (installation: Installation): Promise<Standing> => {
  const { product, context } = installation;
  if (!product.runsService || !product.serverConfig.ha) return { kind: 'serves' };
  const pid = pidIn(await context.supervisor().status());
  if (pid === undefined) return { kind: 'serves' };
  const standing = await askDatabase(installation, leaseName(pid, hostname()));
  // An address that moves with the active server answers here, too; so it is asked only where none stands by.
  const isDoubtful = standing.kind === 'silent' || standing.kind === 'unknown';
  return isDoubtful && 'status' in (await askServer(product)) ? { kind: 'serves' } : standing;
};

/** The same, once it is clear: a server that was just started, or has just taken over, is silent for some seconds. */
export const settledStanding = async (installation: Installation): Promise<Standing> => {
  const deadline = performance.now() + SETTLES_WITHIN_MS;
  for (;;) {
    const standing = await findStanding(installation);
    if (standing.kind !== 'silent' || performance.now() > deadline) return standing;
    await installation.context.environment.sleep(LOOK_EVERY_MS);
  }
};

/**
 * The machines of the servers that would take over if the one on this machine ended: none where it is not the active
 * one. Throws an AppError where the database cannot be asked.
 */
export const findStandbys = async (installation: Installation): Promise<string[]> => {
  const { product, context } = installation;
  if (!product.runsService || !product.serverConfig.ha) return [];
  const pid = pidIn(await context.supervisor().status());
  return pid === undefined ? [] : standbysOf(await leasesIn(installation), leaseName(pid, hostname()));
};

const askDatabase = async (installation: Installation, ownName: string): Promise<Standing> => {
  try {
    return standingAmong(await leasesIn(installation), ownName);
  } catch (thrown) {
    return { kind: 'unknown', reason: messageOf(thrown) };
  }
};

const leasesIn = async (installation: Installation): Promise<LeaseConnection[]> => {
  const rows = await withSession(
    installation.ownerConnection(),
    (session) => session.query(LEASE_CONNECTIONS, LEASE_LOCK),
    'look',
  );
  return leaseConnections.parse(rows);
};

/** What the server is whose connection has this name; one that holds the lease and does not answer is `silent`. */
export const standingAmong = (connections: readonly LeaseConnection[], ownName: string): Standing => {
  const own = connections.find(({ name }) => name === ownName);
  const active = connections.find(({ holds }) => holds);
  if (own === undefined && active !== undefined && !isLeaseName(active.name)) {
    return {
      kind: 'unknown',
      reason:
        `the active server's connection is named '${active.name}': a proxy before PostgreSQL drops the names ` +
        '(application_name) by which servers are told apart',
    };
  }
  if (own === undefined) {
    return { kind: 'silent', reason: 'it has no connection to the database on which it could stand by' };
  }
  if (own === active)
    return {
      kind: 'silent',
      reason: 'it is the active server, and should answer some seconds after it became that',
    };
  const silentMs = own.silent_ms ?? 0;
  if (silentMs > LEASE_TIMINGS.stalled) {
    const seconds = Math.round(silentMs / 1000);
    return { kind: 'silent', reason: `it hangs: it last asked ${seconds} s ago whether it is to take over` };
  }
  if (active === undefined) return { kind: 'takes over' };
  return { kind: 'stands by', activeHost: hostOf(active) };
};

/** The machines of those that wait for the server whose connection has this name. */
export const standbysOf = (connections: readonly LeaseConnection[], ownName: string): string[] =>
  connections.some(({ name, holds }) => holds && name === ownName)
    ? connections.filter(({ holds }) => !holds).map(hostOf)
    : [];

const hostOf = ({ name }: LeaseConnection): string => hostInLeaseName(name) ?? 'another machine';
