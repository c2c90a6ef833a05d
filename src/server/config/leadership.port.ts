/**
 * The right to act when several servers share one database: one is the leader, the others stand by. Code that sends to
 * nodes or writes to the database checks it each time, because a process that was suspended may have lost it meanwhile.
 */
export abstract class Leadership {
  abstract readonly isLeader: boolean;
  /** Gives the right up: another server has it, as the database shows. */
  abstract resign(reason: string): void;
}

/** The leadership of a server that should share its database with no other. It ends if another one takes over. */
export class SoleLeadership implements Leadership {
  private hasResigned = false;

  /** Calls `onLost` once, with the reason. */
  constructor(private readonly onLost: (reason: string) => void) {}

  get isLeader(): boolean {
    return !this.hasResigned;
  }

  resign(reason: string): void {
    if (this.hasResigned) return;
    this.hasResigned = true;
    this.onLost(reason);
  }
}

/** The leadership of a program that no other one replaces. */
export const alwaysLeader: Leadership = { isLeader: true, resign: () => undefined };
