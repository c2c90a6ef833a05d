import type { ServerConfig } from '../../../src/server/config/server-config.js';
import { formatDuration } from '../duration.js';
import { reachableHost } from '../server-status.js';

/** How long the keys count that were replaced. */
export interface Grace {
  /** ISO 8601, UTC. */
  readonly until: string;
  readonly graceMs: number;
}

type Settings = Pick<ServerConfig, 'listen' | 'api_port' | 'config_lifetime' | 'ha'>;

/**
 * What happens after a rotation of keys, and what an administrator does, in lines; `grace` where there is one,
 * `activeHost` where the server on this machine stands by for another, there.
 */
export const whatNext = (
  config: Settings,
  secretsFile: string,
  grace: Grace | undefined,
  activeHost: string | undefined,
): string[] => [
  activeHost === undefined
    ? 'The server uses the new keys.'
    : `This server stands by with the new keys; the active one, on ${activeHost}, has the old ones only. Copy ` +
      `${secretsFile} to that machine and run reconfigure there, at once: as it restarts, this server takes over, and ` +
      'uses the new keys.',
  ...(grace === undefined ? [CUT_OFF] : afterRotation(config, grace)),
  ...(config.ha && activeHost === undefined
    ? [
        `This server is one of two (ha): copy ${secretsFile} to the other one and run reconfigure there, at once. With ` +
          'the old keys only, it would be a stranger to the nodes that have the new ones.',
      ]
    : []),
];

const CUT_OFF =
  'The old ones count no more. Every node is out of touch until it has noticed and fetched the new ones: some minutes.';

const afterRotation = (
  { listen, api_port, config_lifetime }: Settings,
  { until, graceMs }: Grace,
): string[] => {
  const lifetimeMs = config_lifetime * 1000;
  const isShort = graceMs < lifetimeMs;
  return [
    `The old ones count, too, until ${until} (${formatDuration(graceMs)}).`,
    `Nodes follow by themselves: each fetches its config within config_lifetime (${formatDuration(lifetimeMs)}), so they ` +
      'do not come all at once. Those that have not by then are told to in the last tenth of the time.',
    ...(isShort ? [`The time is shorter than that: many nodes will come at once, near its end.`] : []),
    'How many connections are still by the old keys: push_jobs_previous_key_connections in ' +
      `http://${reachableHost(listen)}:${api_port}/pushy/metrics`,
    'When the time is over, run reconfigure: it removes the old keys.',
  ];
};
