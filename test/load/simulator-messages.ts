import type { LoadCounts } from './load-node.js';

/** The nodes that one simulator process plays, and how. */
export interface SimulatorTask {
  /** `http://HOST:PORT` of the server. */
  readonly serverUrl: string;
  readonly org: string;
  readonly nodes: readonly string[];
  /** The one RSA key, PEM, of all clients. */
  readonly clientKey: string;
  /** Whether each node listens for the server's heartbeats on a socket of its own. */
  readonly listens: boolean;
  readonly heartbeatMs: number;
  readonly commandMs: number;
}

/** What a simulator is asked to do; each is answered once. */
export type SimulatorRequest =
  /** Fetch the config of all nodes. */
  | { readonly type: 'fetch'; readonly task: SimulatorTask }
  /** Connect all nodes and begin to beat. */
  | { readonly type: 'connect' }
  /** What happened so far. */
  | { readonly type: 'counts' };

export type SimulatorReply =
  | { readonly type: 'done' }
  | { readonly type: 'counts'; readonly counts: LoadCounts }
  | { readonly type: 'failed'; readonly reason: string };
