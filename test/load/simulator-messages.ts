import type { LoadCounts } from './load-node.js';

/** The nodes of one simulator process, and how they behave. */
export interface SimulatorTask {
  /** `http://HOST:PORT` of the server. */
  readonly serverUrl: string;
  readonly org: string;
  readonly nodes: readonly string[];
  /** RSA key of all clients, PEM. */
  readonly clientKey: string;
  /** Whether each node listens for the server's heartbeats, on a socket of its own. */
  readonly listens: boolean;
  readonly heartbeatMs: number;
  readonly commandMs: number;
}

/** Request to a simulator; each gets one reply. */
export type SimulatorRequest =
  /** Fetch the configs of all nodes. */
  | { readonly type: 'fetch'; readonly task: SimulatorTask }
  /** Connect all nodes and start their heartbeats. */
  | { readonly type: 'connect' }
  /** Return the counts so far. */
  | { readonly type: 'counts' };

export type SimulatorReply =
  | { readonly type: 'done' }
  | { readonly type: 'counts'; readonly counts: LoadCounts }
  | { readonly type: 'failed'; readonly reason: string };
