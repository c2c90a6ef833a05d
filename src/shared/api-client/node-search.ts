import { z } from 'zod';
import { ok, type Result } from '../lib/result.js';
import type { ApiError } from './api-error.js';
import type { RestCaller } from './rest-caller.js';

/** Chef Server hands out no more rows than this at once. */
const PAGE_ROWS = 1000;

const pageSchema = z.object({
  total: z.number(),
  rows: z.array(z.object({ data: z.object({ name: z.string().nullable() }) })),
});

/**
 * The names of the nodes that a Chef search query finds, sorted. It asks for the names alone (Chef's "partial search"),
 * since a whole node can be hundreds of kilobytes.
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
