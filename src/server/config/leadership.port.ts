/**
 * The right to act when several servers share one database: one is the leader, the others stand by. Code that sends to
 * nodes or writes to the database checks it each time, because a process that was suspended may have lost it meanwhile.
 */
export abstract class Leadership {
  abstract readonly isLeader: boolean;
}

/** The leadership of a server that shares its database with no other. */
export const alwaysLeader: Leadership = { isLeader: true };
