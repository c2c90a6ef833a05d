import type { OutputChannel } from '../../shared/api-client/push-jobs-client.js';
import type { JobOutputEvent } from '../../shared/protocol/output-event.js';
import { LineSplitter } from '../output/line-splitter.js';
import { outputPrefix, prefixLine } from '../output/prefix-lines.js';

/** A piece of what a node writes. */
export type OutputPiece = Extract<JobOutputEvent, { name: 'output' }>['data'];

/** Writes whole lines of one channel. */
export type WriteLines = (channel: OutputChannel, lines: string) => void;

const CHANNELS = ['stdout', 'stderr'] as const;

/** How far a node's output was printed. */
interface NodeLines {
  lastChunk: number;
  readonly stdout: LineSplitter;
  readonly stderr: LineSplitter;
}

/**
 * Prints what nodes write as it comes: whole lines, each with the name of its node before it, and a line of its own where
 * something is missing.
 */
export class LiveOutputPrinter {
  private readonly nodes = new Map<string, NodeLines>();

  constructor(private readonly write: WriteLines) {}

  /** Whether anything of this node came. */
  knows(node: string): boolean {
    return this.nodes.has(node);
  }

  take({ node, stream, chunk, skipped, bytes }: OutputPiece): void {
    const known = this.nodes.get(node);
    const lines = known ?? { lastChunk: 0, stdout: new LineSplitter(), stderr: new LineSplitter() };
    if (chunk <= lines.lastChunk) return; // another feed gives the latest once more
    this.nodes.set(node, lines);
    const missing = whatIsMissing(known === undefined, chunk - lines.lastChunk - 1, skipped);
    if (missing !== undefined) {
      this.end(node);
      this.print(node, stream, [missing]);
    }
    lines.lastChunk = chunk;
    this.print(node, stream, lines[stream].take(bytes));
  }

  /** The node writes no more: lines without an end are printed too. */
  end(node: string): void {
    const lines = this.nodes.get(node);
    if (lines !== undefined) for (const channel of CHANNELS) this.print(node, channel, lines[channel].end());
  }

  /** No node writes any more. */
  endAll(): void {
    for (const node of this.nodes.keys()) this.end(node);
  }

  private print(node: string, channel: OutputChannel, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const prefix = outputPrefix(node, channel);
    this.write(channel, lines.map((line) => prefixLine(prefix, line)).join(''));
  }
}

/** What is to be said before a chunk; `lost` chunks are not there before it. */
const whatIsMissing = (isFirst: boolean, lost: number, skipped: number): string | undefined => {
  if (lost > 0) return isFirst ? '[earlier output is not shown]' : '[some output is missing here]';
  return skipped > 0 ? `[${skipped} bytes of output were skipped]` : undefined;
};
