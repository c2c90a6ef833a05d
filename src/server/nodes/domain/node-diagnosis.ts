import type { DropReason } from '../../transport/transport.port.js';
import type { NodeMachineState } from './node-machine.js';

/** What was dropped of what a node sent; times are milliseconds since 1970. */
export interface NodeDrops {
  /** Why the last of them was. */
  readonly reason: DropReason;
  readonly at: number;
  readonly count: number;
}

/** All that is known of a node that may tell why it cannot take a job. */
export interface NodeEvidence {
  /** Undefined where nothing valid came since the server started. */
  readonly state: Pick<NodeMachineState, 'mode' | 'online'> | undefined;
  /** Whether it was heard before the server was started last. */
  readonly isRemembered: boolean;
  /** Whether it has not fetched its config for so long that it gets no job. */
  readonly isConfigOld: boolean;
  /** Why the latest that came of it was dropped; undefined where that was taken, or nothing came. */
  readonly droppedLast: DropReason | undefined;
}

/** Why a node cannot take a job: it was never heard, is silent, has its abort to do, or what it sends is dropped, or will be. */
export type NodeTrouble = 'never_seen' | 'not_seen_since_restart' | 'silent' | 'rehab' | DropReason;

/** Says why a node cannot take a job; undefined where it can. */
export const diagnose = ({
  state,
  isRemembered,
  isConfigOld,
  droppedLast,
}: NodeEvidence): NodeTrouble | undefined => {
  if (state?.online === true && state.mode !== 'idle') return 'rehab';
  if (state?.online === true) return isConfigOld ? 'config_too_old' : undefined;
  // It speaks to us, and we do not take what it says.
  if (droppedLast !== undefined) return droppedLast;
  if (state !== undefined) return 'silent';
  return isRemembered ? 'not_seen_since_restart' : 'never_seen';
};
