import type { OutputMessage } from '../../../shared/protocol/client-message.js';
import type { NodeDirectory } from '../../nodes/nodes.port.js';
import { needsNewInterval } from '../domain/output-interval.js';
import type { OutputOutcome, OutputWatcher } from '../jobs.port.js';

export interface JobOutputContext {
  readonly nodeDirectory: Pick<NodeDirectory, 'send'>;
  /** Returns how often a node has to send output now, in milliseconds. */
  readonly outputIntervalMs: () => number;
}

/**
 * Live output of one job: nodes are asked for it while there is a watcher. It is forwarded and never kept. A node that
 * can send output reports its interval in `ack_run` and heartbeats. If that differs from what is wanted, for example
 * because a message was lost, the node gets `output_wanted` again.
 *
 * unwatched  no node is asked; output that still comes is dropped.  → watched by `watch`
 * watched    every node that can send output is asked.              → unwatched by the function that `watch` returns
 */
export class JobOutput {
  /** Output intervals of the running nodes that can send output, in milliseconds; 0 if a node sends none. */
  private readonly intervals = new Map<string, number>();
  /** The number of the last chunk of each node, to recognize repeated chunks. */
  private readonly lastChunks = new Map<string, number>();
  private current: OutputWatcher | undefined;

  constructor(
    private readonly job: { readonly id: string; readonly orgId: string },
    private readonly context: JobOutputContext,
  ) {}

  get watcher(): OutputWatcher | undefined {
    return this.current;
  }

  /** Asks for output and sends it to the watcher, which replaces an earlier one. The returned function ends that. */
  watch(watcher: OutputWatcher): () => void {
    this.current = watcher;
    this.requestOutput([...this.intervals.keys()], this.context.outputIntervalMs());
    return () => {
      if (this.current !== watcher) return;
      this.current = undefined;
      this.lastChunks.clear();
      const sending = [...this.intervals].filter(([, everyMs]) => everyMs > 0);
      this.requestOutput(
        sending.map(([node]) => node),
        0,
      );
    };
  }

  /** A running node reports its output interval in milliseconds; 0 if it sends none. */
  intervalReported(node: string, everyMs: number): void {
    this.intervals.set(node, everyMs);
    const wantedMs = this.current === undefined ? 0 : this.context.outputIntervalMs();
    if (needsNewInterval(everyMs, wantedMs)) this.requestOutput([node], wantedMs);
  }

  nodeEnded(node: string): void {
    this.intervals.delete(node);
    this.lastChunks.delete(node);
  }

  /** Sends output of a running node to the watcher; `afterEvent` is the number of the job's latest event. */
  forward(node: string, message: OutputMessage, afterEvent: number): OutputOutcome {
    if (this.current === undefined) return 'unwanted';
    if (message.chunk <= (this.lastChunks.get(node) ?? 0)) return 'repeated';
    this.lastChunks.set(node, message.chunk);
    const { stream, chunk, data, skipped = 0 } = message;
    this.current.output({ node, stream, chunk, data, skipped, afterEvent });
    return 'taken';
  }

  private requestOutput(nodes: readonly string[], everyMs: number): void {
    if (nodes.length === 0) return;
    for (const node of nodes) this.intervals.set(node, everyMs);
    this.context.nodeDirectory.send(
      nodes.map((node) => ({ orgId: this.job.orgId, node })),
      { type: 'output_wanted', job_id: this.job.id, every_ms: everyMs },
    );
  }
}
