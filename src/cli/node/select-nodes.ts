import type { ApiError } from '../../shared/api-client/api-error.js';
import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import { ok, type Result } from '../../shared/lib/result.js';
import type { NodeAvailability } from '../../shared/protocol/rest-schemas.js';
import { unwrap } from '../unwrap.js';

/** Matches the characters of a search query that node names do not normally contain. */
const SEARCH_QUERY = /[:*?\s]/;

/** A fixed set of nodes, or all online nodes. */
export interface NodeSelection {
  /** Fetches the availability of each selected node; a node that the server does not list is unavailable. */
  fetch(): Promise<Result<NodeAvailability[], ApiError>>;
}

/** Selects nodes by names and Chef search queries; an empty list selects all online nodes. */
export const selectNodes = async (
  client: Pick<PushJobsClient, 'listNodes' | 'searchNodes'>,
  namesOrQueries: readonly string[],
): Promise<NodeSelection> => {
  if (namesOrQueries.length === 0) return { fetch: () => client.listNodes() };
  const names = new Set<string>();
  for (const text of namesOrQueries) {
    const matches = SEARCH_QUERY.test(text) ? unwrap(await client.searchNodes(text)) : [text];
    for (const name of matches) names.add(name);
  }
  return {
    fetch: async () => {
      const online = await client.listNodes();
      if (!online.ok) return online;
      const byName = new Map(online.value.map((node) => [node.node_name, node]));
      return ok(
        [...names].map((name) => byName.get(name) ?? { node_name: name, availability: 'unavailable' }),
      );
    },
  };
};
