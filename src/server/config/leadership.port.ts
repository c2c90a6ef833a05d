/** Under this token it is injected whether this server may act. */
export const ACTIVITY = Symbol('ACTIVITY');

/**
 * Whether this server may act: of several on one database one does, the others stand by. Whoever sends to nodes or
 * writes to the database asks first, each time: a server that was stopped for a while must not act on what it still
 * believes.
 */
export interface Activity {
  readonly isActive: boolean;
}

/** A server that is alone. */
export const alwaysActive: Activity = { isActive: true };
