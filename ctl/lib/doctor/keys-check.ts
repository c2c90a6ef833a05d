import { loadServerKeys } from '../../../src/keys/load-server-keys.js';
import { HttpClient } from '../../../src/platform/http/http-client.js';
import { serverStatusSchema } from '../../../src/protocol/rest-shapes.js';
import { rootOf, trustedBy } from '../chef-server/superuser-http.js';
import type { Installation } from '../reconfigure/installation.js';
import { serverSecretsOf } from '../secrets/server-secrets.js';
import { bad, type Check, good } from './check.js';

const TIMEOUT_MS = 10_000;

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
    return [
      active === keys.incarnationId
        ? good('are those of the active server')
        : bad(
            'are not those of the active server: nodes would be out of touch when this one takes over',
            `copy ${secrets.file} from there to this machine, and run here: opscode-push-jobs-server-ctl reconfigure`,
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
