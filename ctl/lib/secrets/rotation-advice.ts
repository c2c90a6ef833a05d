import type { ServerConfig } from '../../../src/server/config/server-config.js';
import { formatDuration } from '../duration.js';
import { reachableHost } from '../server-status.js';

/** How long the replaced keys are still accepted. */
export interface GracePeriod {
  /** ISO 8601, UTC. */
  readonly until: string;
  readonly graceMs: number;
}

type Settings = Pick<ServerConfig, 'listen' | 'api_port' | 'config_lifetime' | 'ha'>;

/**
 * Returns lines that tell an administrator what happens after a rotation and what to do. `activeHost` is the host of the
 * active server if the server on this machine is its standby.
 */
export const rotationAdvice = (
  config: Settings,
  secretsFile: string,
  grace: GracePeriod | undefined,
  activeHost: string | undefined,
): string[] => [
  activeHost === undefined
    ? 'The server uses the new keys.'
    : `This server stands by with the new keys; the active one, on ${activeHost}, has only the old ones. Copy ` +
      `${secretsFile} to that machine and run reconfigure there at once: when it restarts, this server takes over with ` +
      'the new keys.',
  ...(grace === undefined ? [CUT_OFF] : afterRotation(config, grace)),
  ...(config.ha && activeHost === undefined
    ? [
        `This server is one of two (ha): copy ${secretsFile} to the other one and run reconfigure there at once. With ` +
          'only the old keys, it could not talk to nodes that have the new ones.',
      ]
    : []),
];

const CUT_OFF =
  'The old ones are no longer accepted. Every node is offline for some minutes, until it has fetched the new ones.';

const afterRotation = (
  { listen, api_port, config_lifetime }: Settings,
  { until, graceMs }: GracePeriod,
): string[] => {
  const lifetimeMs = config_lifetime * 1000;
  const isShorterThanLifetime = graceMs < lifetimeMs;
  return [
    `The old ones are also accepted until ${until} (${formatDuration(graceMs)}).`,
    `Each node fetches the new ones with its config within config_lifetime (${formatDuration(lifetimeMs)}), so nodes do ` +
      'not reconnect all at once. The server asks the remaining ones in the last tenth of the time.',
    ...(isShorterThanLifetime
      ? ['The time is shorter than config_lifetime: many nodes will reconnect at once near its end.']
      : []),
    'Number of connections that still use the old keys: push_jobs_previous_key_connections in ' +
      `http://${reachableHost(listen)}:${api_port}/pushy/metrics`,
    'After that time, run reconfigure: it removes the old keys.',
  ];
};
