import type { ReportedJobState } from '../../../shared/protocol/client-message.js';

/** What a heartbeat says about a job. `at` is milliseconds on a monotonic clock. */
export interface HeartbeatReport {
  readonly jobState: ReportedJobState;
  readonly isThisJob: boolean;
  readonly firstOnConnection: boolean;
  readonly at: number;
}

interface Suspicion {
  /** What the heartbeat said. */
  readonly report: string;
  /** When a heartbeat said so first. */
  readonly since: number;
}

/** A connection that carries nothing is closed before that (`socket-tools.ts`). */
const TCP_TIMEOUT_MS = 60_000;

/**
 * Finds nodes of a job that have not received a message, or whose message has not arrived. See
 * docs/spec/wire-protocol.md, "Reconciliation of heartbeats".
 *
 * TCP loses messages only with a connection. So a message may have been lost if the node reconnected. It is lost if the
 * node then repeats the same report, at least half an interval later, and no other message about the job was exchanged
 * on that connection. Only then may the server send a command again: a node that gets `run` while it runs fails its job.
 *
 * A node that stays committed on the connection that carried `run` has the command or will get it. If it does not start
 * within the TCP timeout, the run is overdue.
 */
export class LostMessageDetector {
  private readonly suspicions = new Map<string, Suspicion>();
  private runSentAt: number | undefined;
  private readonly runResentAt = new Map<string, number>();
  private readonly overdueSince = new Map<string, number>();

  constructor(private readonly intervalMs: number) {}

  /** Notes that `run` was sent to the nodes, on the connections that they have now. */
  runSent(at: number): void {
    this.suspicions.clear();
    this.runSentAt = at;
  }

  /** Notes that `run` was sent to one node again. */
  runResent(node: string, at: number): void {
    this.runResentAt.set(node, at);
    this.overdueSince.delete(node);
    this.messageExchanged(node);
  }

  /** Notes that a message about the job came from the node or was sent to it. */
  messageExchanged(node: string): void {
    this.suspicions.delete(node);
  }

  /** Whether this report shows that a message between server and node is lost. */
  isMessageLost(node: string, { jobState, isThisJob, firstOnConnection, at }: HeartbeatReport): boolean {
    const suspicion = this.suspicions.get(node);
    if (suspicion === undefined && !firstOnConnection) return false;
    const report = `${jobState} ${isThisJob}`;
    if (suspicion === undefined || firstOnConnection || suspicion.report !== report) {
      this.suspicions.set(node, { report, since: at });
      return false;
    }
    if (at - suspicion.since < this.intervalMs / 2) return false;
    this.suspicions.delete(node);
    return true;
  }

  /** Whether the node got `run` and will not start. Needs two reports: a server that slept reads old ones first. */
  isRunOverdue(node: string, { jobState, isThisJob, at }: HeartbeatReport): boolean {
    const sentAt = this.runResentAt.get(node) ?? this.runSentAt;
    if (sentAt === undefined || jobState !== 'committed' || !isThisJob) return false;
    if (at - sentAt <= TCP_TIMEOUT_MS) return false;
    const since = this.overdueSince.get(node) ?? at;
    this.overdueSince.set(node, since);
    return at - since >= this.intervalMs;
  }
}
