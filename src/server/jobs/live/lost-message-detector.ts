import type { ReportedJobState } from '../../../shared/protocol/client-message.js';

/** What a node's heartbeat says about this job; times are milliseconds on a clock that never jumps. */
export interface Report {
  readonly doing: ReportedJobState;
  readonly thisJob: boolean;
  readonly firstOnConnection: boolean;
  readonly at: number;
}

interface Suspicion {
  doing: string;
  /** When it said so first. */
  since: number;
}

/** A connection on which nothing comes through is broken off before that (`socket-options.ts`). */
const TCP_GIVES_UP_MS = 60_000;

/**
 * Finds out which nodes of a job did not get, or could not say, what they should have. TCP loses nothing but with its
 * connection: so words may be lost of a node that speaks over a new connection, and surely are where it says the same
 * twice, half an interval apart or more, with nothing heard from it or sent to it since it connected. Then, and only
 * then, it may be asked again: a node that gets `run` a second time while it runs would fail its job.
 *
 * One that stays committed on the connection over which it was told to run has the order, or will have; where it does
 * not start although TCP has had all its time, it is `stuck`.
 */
export class LostWords {
  private readonly suspicions = new Map<string, Suspicion>();
  private runSentAt: number | undefined;
  /** When nodes were told again. */
  private readonly runSentAgainAt = new Map<string, number>();
  /** When nodes were first found waiting for too long. */
  private readonly overdueSince = new Map<string, number>();

  constructor(private readonly intervalMs: number) {}

  /** Nodes were told to run, over the connections that they have now. */
  toldToRun(at: number): void {
    this.suspicions.clear();
    this.runSentAt = at;
  }

  /** One node was told to run again. */
  toldAgain(node: string, at: number): void {
    this.runSentAgainAt.set(node, at);
    this.overdueSince.delete(node);
    this.spoke(node);
  }

  /** Something about the job was just heard from a node, or sent to it. */
  spoke(node: string): void {
    this.suspicions.delete(node);
  }

  /** Whether, after this report, words are surely lost between the server and the node. */
  areLost(node: string, { doing, thisJob, firstOnConnection, at }: Report): boolean {
    const said = `${doing} ${thisJob}`;
    const suspicion = this.suspicions.get(node);
    if (suspicion === undefined && !firstOnConnection) return false;
    if (suspicion === undefined || firstOnConnection || suspicion.doing !== said) {
      this.suspicions.set(node, { doing: said, since: at });
      return false;
    }
    if (at - suspicion.since < this.intervalMs / 2) return false;
    this.suspicions.delete(node);
    return true;
  }

  /**
   * Whether a node that was told to run will not start any more. One report is not enough: a server that slept for a
   * while reads old ones first.
   */
  isStuck(node: string, { doing, thisJob, at }: Report): boolean {
    const sentAt = this.runSentAgainAt.get(node) ?? this.runSentAt;
    if (sentAt === undefined || doing !== 'committed' || !thisJob) return false;
    if (at - sentAt <= TCP_GIVES_UP_MS) return false;
    const since = this.overdueSince.get(node) ?? at;
    this.overdueSince.set(node, since);
    return at - since >= this.intervalMs;
  }
}
