import { loadServerKeys } from '../../../src/server/keys/load-server-keys.js';
import { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import { serverStatusSchema } from '../../../src/shared/protocol/rest-schemas.js';
import { rootOf, trustedBy } from '../chef-server/superuser-http.js';
import type { Installation } from '../installation.js';
import { serverSecretsOf } from '../secrets/server-secrets.js';
import { bad, type Check, good, warning } from './check.js';

const TIMEOUT_MS = 10_000;
const RECONFIGURE = 'opscode-push-jobs-server-ctl reconfigure';

/**
 * A standby must have the keys of the active server, or all nodes are out of touch when it takes over. The active one
 * names its keys by an id that is made of their public halves; where it is not reached, nothing can be said.
 */
export const keysCheck: Check = {
  name: 'keys',
  run: async (installation, standing) => {
    if (standing.kind !== 'stands by') return [];
    const { secrets, context } = installation;
    const active = await idOfActiveServer(installation);
    if (active === undefined) return [];
    const keys = await loadServerKeys(
      serverSecretsOf(context.paths, secrets),
      context.environment.clock.now(),
    );
    if (active === keys.incarnationId) return [good('are those of the active server')];
    return [
      active === keys.previous?.incarnationId
        ? warning(
            'were rotated here; the active server lacks the new ones',
            `copy ${secrets.file} from this machine to that one, and run there: ${RECONFIGURE}`,
          )
        : bad(
            'are not those of the active server: nodes would be out of touch when this one takes over',
            `copy ${secrets.file} from there to this machine, and run here: ${RECONFIGURE}; where the keys here are the ` +
              'newer ones (rotate-keys --now), copy it the other way',
          ),
    ];
  },
};

const idOfActiveServer = async ({ product }: Installation): Promise<string | undefined> => {
  const http = new HttpClient(trustedBy(product));
  try {
    const url = `${rootOf(product)}/pushy/_status`;
    const answer = await http.send({ method: 'GET', url, timeoutMs: TIMEOUT_MS });
    if (!answer.ok || answer.value.status !== 200) return undefined;
    return serverStatusSchema.parse(JSON.parse(answer.value.body.toString())).incarnation_id;
  } finally {
    await http.close();
  }
};
