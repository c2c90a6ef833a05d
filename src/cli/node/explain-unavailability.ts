import { printable } from '../output/printable.js';

/** Why a node is unavailable, and what to do about it; one line per array element. */
export interface Explanation {
  readonly cause: string;
  readonly advice: readonly string[];
}

const CHECK_NODE = [
  'on the node, check that push-jobs-client runs, and read its log. The node must reach the Chef Server by',
  'HTTPS, and the command and heartbeat ports of the push server (10002 and 10000 by default). Its',
  'client.pem must be the key of the Chef client with the name of the node.',
];

/** By the `reason` field of the REST API. */
const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  never_seen: { cause: 'the server has never received a message from it.', advice: CHECK_NODE },
  not_seen_since_restart: {
    cause: 'the server has restarted and has not received a message from it since.',
    advice: [
      'if the server restarted less than two minutes ago, wait for the node. A client of version 3.0 or older that',
      'runs a command may be silent until the command ends. Otherwise,',
      ...CHECK_NODE,
    ],
  },
  silent: { cause: 'its heartbeats have stopped.', advice: CHECK_NODE },
  clock_skew: {
    cause: 'its clock or the clock of the server is wrong.',
    advice: ['synchronize both clocks (chrony, ntp); the server then accepts the messages of the node.'],
  },
  bad_signature: {
    cause: 'its messages are not signed with the key that the server gave it.',
    advice: [
      'restart push-jobs-client on the node: it fetches a new key. Check that no two machines have the same',
      'node name.',
    ],
  },
  config_too_old: {
    cause: 'its config has expired: the node has not fetched a new one in time.',
    advice: ['check that the Chef Server still has its client, then restart push-jobs-client on the node.'],
  },
  unknown_node: {
    cause: 'it sends messages, but has not fetched its config.',
    advice: ['restart push-jobs-client on the node.'],
  },
  wrong_node: {
    cause: 'its messages name another node than its connection.',
    advice: [
      'check that node_name and client.pem on the node belong together, then restart push-jobs-client.',
    ],
  },
};

/** Explains a `reason` of the REST API; older servers send none. */
export const explainUnavailability = (reason: string | undefined): Explanation => {
  if (reason === undefined) return { cause: 'the server gets no messages from it.', advice: CHECK_NODE };
  return (
    EXPLANATIONS[reason] ?? {
      cause: `the server drops its messages (${printable(reason)}).`,
      advice: CHECK_NODE,
    }
  );
};
