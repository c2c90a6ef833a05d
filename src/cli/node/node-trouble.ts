import { printable } from '../output/printable.js';

/** Why nothing is taken from a node, and what can be done about it, as lines. */
export interface TroubleText {
  readonly why: string;
  readonly advice: readonly string[];
}

const LOOK_THERE = [
  'on the node, see whether push-jobs-client runs and what its log says. It must reach the Chef Server by',
  'HTTPS and the ports for commands and heartbeats (10002 and 10000 where nobody changed them), and its',
  'client.pem must be the key of the client of that name.',
];

/** By the `reason` that the server gives; another one is shown as it is. */
const TEXTS: Readonly<Record<string, TroubleText>> = {
  never_seen: { why: 'the server has never heard of it.', advice: LOOK_THERE },
  not_seen_since_restart: {
    why: 'the server was started anew, and has not heard of it since.',
    advice: ['wait for a minute. If it does not come back by itself:', ...LOOK_THERE],
  },
  silent: { why: 'it was there, and its heartbeats do not come any more.', advice: LOOK_THERE },
  clock_skew: {
    why: 'its clock is wrong, or the clock of the server is.',
    advice: ['have both follow the same time service (chrony, ntp), then it is taken at once.'],
  },
  bad_signature: {
    why: 'what it sends is signed with another key than the server gave it.',
    advice: ['restart push-jobs-client there: it fetches a new key. See that no two machines have its name.'],
  },
  config_too_old: {
    why: 'it has not fetched its configuration for so long that the server does not listen to it any more.',
    advice: ['see that the Chef Server still has its client, then restart push-jobs-client there.'],
  },
  unknown_node: {
    why: 'it speaks without having fetched its configuration.',
    advice: ['restart push-jobs-client there.'],
  },
  wrong_node: {
    why: 'it says that it is another node than its connection was made for.',
    advice: ['see that node_name and client.pem belong together there, and restart push-jobs-client.'],
  },
};

/** Puts the server's reason into words. Without one (a server of the past gives none) it says where to look. */
export const explainTrouble = (reason: string | undefined): TroubleText => {
  if (reason === undefined) return { why: 'the server hears nothing of it.', advice: LOOK_THERE };
  return (
    TEXTS[reason] ?? { why: `the server drops what it sends (${printable(reason)}).`, advice: LOOK_THERE }
  );
};
