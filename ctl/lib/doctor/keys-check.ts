import { loadServerKeys } from '../../../src/server/keys/load-server-keys.js';
import { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import { serverStatusSchema } from '../../../src/shared/protocol/rest-schemas.js';
import { chefServerUrl, tlsOptions } from '../chef-server/superuser-http.js';
import type { Installation } from '../installation.js';
import { serverSecretsOf } from '../secrets/server-secrets.js';
import { fault, type Check, ok, warning } from './check.js';

const TIMEOUT_MS = 10_000;
const RECONFIGURE = 'opscode-push-jobs-server-ctl reconfigure';

/**
 * Checks that a standby has the keys of the active server; with other keys, all nodes would be offline after it takes
 * over. The active server's incarnation id is derived from its public keys. No finding if it cannot be reached.
 */
export const keysCheck: Check = {
  name: 'keys',
  run: async (installation, haRole) => {
    if (haRole.kind !== 'standby') return [];
    const { secrets, context } = installation;
    const activeId = await fetchActiveServerId(installation);
    if (activeId === undefined) return [];
    const keys = await loadServerKeys(
      serverSecretsOf(context.paths, secrets),
      context.environment.clock.now(),
    );
    if (activeId === keys.incarnationId) return [ok('are those of the active server')];
    return [
      activeId === keys.previous?.incarnationId
        ? warning(
            'were rotated here; the active server lacks the new ones',
            `copy ${secrets.file} from this machine to that one, and run there: ${RECONFIGURE}`,
          )
        : fault(
            'are not those of the active server: nodes would be offline when this one takes over',
            `copy ${secrets.file} from there to this machine, and run here: ${RECONFIGURE}; if the keys here are newer ` +
              '(rotate-keys --now), copy it the other way',
          ),
    ];
  },
};

const fetchActiveServerId = async ({ settings }: Installation): Promise<string | undefined> => {
  const http = new HttpClient(tlsOptions(settings));
  try {
    const url = `${chefServerUrl(settings)}/pushy/_status`;
    const response = await http.send({ method: 'GET', url, timeoutMs: TIMEOUT_MS });
    if (!response.ok || response.value.status !== 200) return undefined;
    return serverStatusSchema.parse(JSON.parse(response.value.body.toString())).incarnation_id;
  } finally {
    await http.close();
  }
};
