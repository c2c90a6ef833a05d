import type { ApiError } from '../../shared/api-client/api-error.js';
import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import { ok, type Result } from '../../shared/lib/result.js';
import type { NodeAvailability } from '../../shared/protocol/rest-schemas.js';
import { unwrap } from '../unwrap.js';

/** What a search query has and the name of a node as a rule has not. */
const QUERY = /[:*?\s]/;

/** The nodes that somebody wants to see. */
export interface WantedNodes {
  /** How they are now, each once; one that the server does not list is not online, and so not available. */
  look(): Promise<Result<NodeAvailability[], ApiError>>;
}

/** Finds the nodes of these names and Chef searches; none of either means all that are online. */
export const findWantedNodes = async (
  client: Pick<PushJobsClient, 'listNodes' | 'searchNodes'>,
  wanted: readonly string[],
): Promise<WantedNodes> => {
  if (wanted.length === 0) return { look: () => client.listNodes() };
  const names = new Set<string>();
  for (const text of wanted) {
    const found = QUERY.test(text) ? unwrap(await client.searchNodes(text)) : [text];
    for (const name of found) names.add(name);
  }
  return {
    look: async () => {
      const online = await client.listNodes();
      if (!online.ok) return online;
      const byName = new Map(online.value.map((node) => [node.node_name, node]));
      return ok(
        [...names].map((name) => byName.get(name) ?? { node_name: name, availability: 'unavailable' }),
      );
    },
  };
};
