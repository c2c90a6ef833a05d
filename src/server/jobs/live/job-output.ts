import type { Fleet } from '../../nodes/nodes.port.js';
import type { OutputMessage } from '../../../shared/protocol/client-message.js';
import { isOffPace } from '../domain/output-pace.js';
import type { OutputOutcome, OutputWatcher } from '../jobs.port.js';

/** What a job's output works with. */
export interface JobOutputTools {
  readonly fleet: Pick<Fleet, 'send'>;
  /** How often a node is to send output now, in milliseconds. */
  readonly outputPace: () => number;
}

/**
 * What the nodes of one job write while they run: it is asked for while somebody watches, handed on, and never kept.
 * A node that can be asked says so in its `ack_run` and its heartbeats, with how often it sends; whatever was lost
 * between it and us, what it says there is held against what is wanted, and it is told.
 *
 * unwatched  no node is asked, and what still comes is dropped.  → watched by `watch`
 * watched    every node that can is asked.                       → unwatched by what `watch` hands back
 */
export class JobOutput {
  /** The nodes that run and can be asked, and how often they send, in milliseconds; 0 where they do not. */
  private readonly paces = new Map<string, number>();
  /** The number of the last chunk of each node: what it sends again is known by it. */
  private readonly lastChunks = new Map<string, number>();
  private current: OutputWatcher | undefined;

  constructor(
    private readonly job: { readonly id: string; readonly orgId: string },
    private readonly tools: JobOutputTools,
  ) {}

  /** Who watches; there is one at a time. */
  get watcher(): OutputWatcher | undefined {
    return this.current;
  }

  /** Asks for output, from now on, and hands it to the watcher; hands back how to end that. */
  watch(watcher: OutputWatcher): () => void {
    this.current = watcher;
    this.tell([...this.paces.keys()], this.tools.outputPace());
    return () => {
      if (this.current !== watcher) return;
      this.current = undefined;
      this.lastChunks.clear();
      const sending = [...this.paces].filter(([, everyMs]) => everyMs > 0);
      this.tell(
        sending.map(([node]) => node),
        0,
      );
    };
  }

  /** A node that runs the job says how often it sends output, in milliseconds: never where that is 0. */
  said(node: string, everyMs: number): void {
    this.paces.set(node, everyMs);
    const wantedMs = this.current === undefined ? 0 : this.tools.outputPace();
    if (isOffPace(everyMs, wantedMs)) this.tell([node], wantedMs);
  }

  /** A node's part has ended. */
  ended(node: string): void {
    this.paces.delete(node);
    this.lastChunks.delete(node);
  }

  /** Hands a piece of output of a node that runs to the watcher; `afterEvent` is the number of the latest event. */
  take(node: string, message: OutputMessage, afterEvent: number): OutputOutcome {
    if (this.current === undefined) return 'unwanted';
    if (message.chunk <= (this.lastChunks.get(node) ?? 0)) return 'repeated';
    this.lastChunks.set(node, message.chunk);
    const { stream, chunk, data, skipped = 0 } = message;
    this.current.output({ node, stream, chunk, data, skipped, afterEvent });
    return 'taken';
  }

  private tell(nodes: readonly string[], everyMs: number): void {
    if (nodes.length === 0) return;
    for (const node of nodes) this.paces.set(node, everyMs);
    this.tools.fleet.send(
      nodes.map((node) => ({ orgId: this.job.orgId, node })),
      { type: 'output_wanted', job_id: this.job.id, every_ms: everyMs },
    );
  }
}
