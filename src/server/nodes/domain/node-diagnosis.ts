import type { DropReason } from '../../transport/transport.port.js';
import type { NodeMachineState } from './node-machine.js';

/** Messages of a node that were dropped. */
export interface NodeDrops {
  /** Of the last one. */
  readonly reason: DropReason;
  /** Time of the last one, milliseconds since 1970. */
  readonly at: number;
  readonly count: number;
}

/** What the server knows about a node. */
export interface DiagnosisInput {
  /** Undefined if no valid message came since the server started. */
  readonly state: Pick<NodeMachineState, 'mode' | 'online'> | undefined;
  /** Whether it was heard before the server started. */
  readonly isStored: boolean;
  /** Whether its session has expired, because it has not fetched its config. */
  readonly isConfigExpired: boolean;
  /** Why its latest message was dropped; undefined if that was accepted, or none came. */
  readonly lastDropReason: DropReason | undefined;
}

/** Why a node cannot take a job. See docs/spec/wire-protocol.md, "Availability". */
export type UnavailabilityReason = 'never_seen' | 'not_seen_since_restart' | 'silent' | 'rehab' | DropReason;

/** Returns why a node cannot take a job; undefined if it can. */
export const diagnose = ({
  state,
  isStored,
  isConfigExpired,
  lastDropReason,
}: DiagnosisInput): UnavailabilityReason | undefined => {
  if (state?.online === true && state.mode !== 'idle') return 'rehab';
  if (state?.online === true) return isConfigExpired ? 'config_too_old' : undefined;
  // The node is not silent, but its messages are not accepted.
  if (lastDropReason !== undefined) return lastDropReason;
  if (state !== undefined) return 'silent';
  return isStored ? 'not_seen_since_restart' : 'never_seen';
};
