import { z } from 'zod';
import { ok, type Result } from '../lib/result.js';
import type { ApiError } from './api-error.js';
import type { RestCaller } from './rest-caller.js';

/** Maximum number of rows that Chef Server returns at once. */
const PAGE_ROWS = 1000;

const pageSchema = z.object({
  total: z.number(),
  rows: z.array(z.object({ data: z.object({ name: z.string().nullable() }) })),
});

/**
 * Returns the sorted names of the nodes that match a Chef search query. Requests only the names (Chef's "partial search"),
 * because a complete node can have hundreds of kilobytes.
 */
export const searchNodeNames = async (
  rest: RestCaller,
  query: string,
): Promise<Result<readonly string[], ApiError>> => {
  const names = new Set<string>();
  for (let start = 0, total = 1; start < total; start += PAGE_ROWS) {
    const parameters = new URLSearchParams({ q: query, start: String(start), rows: String(PAGE_ROWS) });
    const page = await rest.json(pageSchema, {
      method: 'POST',
      path: `search/node?${parameters.toString()}`,
      body: { name: ['name'] },
    });
    if (!page.ok) return page;
    for (const { data } of page.value.rows) if (data.name !== null) names.add(data.name);
    total = page.value.total;
  }
  return ok([...names].sort());
};
