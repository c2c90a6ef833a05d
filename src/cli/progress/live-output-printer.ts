import type { OutputChannel } from '../../shared/api-client/push-jobs-client.js';
import type { JobOutputEvent } from '../../shared/protocol/output-event.js';
import { LineSplitter } from '../output/line-splitter.js';
import { outputPrefix, prefixLine } from '../output/prefix-lines.js';

/** A chunk of a node's live output. */
export type OutputChunk = Extract<JobOutputEvent, { name: 'output' }>['data'];

/** Writes complete lines of one output channel. */
export type WriteLines = (channel: OutputChannel, lines: string) => void;

const CHANNELS = ['stdout', 'stderr'] as const;

/** The live output of one node. */
interface NodeOutput {
  lastChunk: number;
  readonly stdout: LineSplitter;
  readonly stderr: LineSplitter;
}

/** Prints live output in complete lines with the node name before each, and a notice where output is missing. */
export class LiveOutputPrinter {
  private readonly nodes = new Map<string, NodeOutput>();

  constructor(private readonly write: WriteLines) {}

  /** Whether any live output of this node has arrived. */
  hasOutputOf(node: string): boolean {
    return this.nodes.has(node);
  }

  add({ node, stream, chunk, skipped, bytes }: OutputChunk): void {
    const known = this.nodes.get(node);
    const output = known ?? { lastChunk: 0, stdout: new LineSplitter(), stderr: new LineSplitter() };
    if (chunk <= output.lastChunk) return; // a resumed feed repeats the latest chunks
    this.nodes.set(node, output);
    const notice = gapNotice(known === undefined, chunk - output.lastChunk - 1, skipped);
    if (notice !== undefined) {
      this.end(node);
      this.print(node, stream, [notice]);
    }
    output.lastChunk = chunk;
    this.print(node, stream, output[stream].push(bytes));
  }

  /** Prints the unfinished lines of a node that writes no more. */
  end(node: string): void {
    const output = this.nodes.get(node);
    if (output !== undefined)
      for (const channel of CHANNELS) this.print(node, channel, output[channel].end());
  }

  /** Prints the unfinished lines of all nodes. */
  endAll(): void {
    for (const node of this.nodes.keys()) this.end(node);
  }

  private print(node: string, channel: OutputChannel, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const prefix = outputPrefix(node, channel);
    this.write(channel, lines.map((line) => prefixLine(prefix, line)).join(''));
  }
}

/** The notice before a chunk; `lostChunks` chunks before it have not arrived. */
const gapNotice = (isFirst: boolean, lostChunks: number, skipped: number): string | undefined => {
  if (lostChunks > 0) return isFirst ? '[earlier output is not shown]' : '[some output is missing here]';
  return skipped > 0 ? `[${skipped} bytes of output were skipped]` : undefined;
};
