import { type ChefResponse, ok, rejected } from './responses.js';
import type { ChefNode, Organization } from './chef-state.js';

/** A term of a query: `*:*`, `name:web1`, `name:web*` or `role:db`; OR joins terms. */
const TERM = /^([\w*]+):(\S+)$/;

const matcher = (pattern: string): RegExp => {
  const escaped = pattern
    .replace(/[.+^${}()|[\]]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${escaped}$`);
};

const valuesOf = (node: ChefNode, field: string): unknown[] =>
  field === 'name' ? [node.name] : [node.attributes[field]].flat();

/** Returns the nodes that match a simple query, sorted by name; undefined if the query is not supported. */
export const searchNodes = (org: Organization, query: string): ChefNode[] | undefined => {
  const terms = query.split(/\s+OR\s+/).map((term) => TERM.exec(term.trim()));
  if (terms.includes(null)) return undefined;
  const matches = (node: ChefNode): boolean =>
    terms.some((term) => {
      const [, field = '', pattern = ''] = term ?? [];
      if (field === '*') return matcher(pattern).test(node.name);
      return valuesOf(node, field).some((value) => typeof value === 'string' && matcher(pattern).test(value));
    });
  return [...org.nodes.values()].filter(matches).sort((a, b) => (a.name < b.name ? -1 : 1));
};

/** Returns a node object as `GET nodes/NAME` shows it. */
export const nodeObject = ({ name, attributes }: ChefNode): Record<string, unknown> => ({
  name,
  chef_environment: '_default',
  run_list: [],
  json_class: 'Chef::Node',
  chef_type: 'node',
  automatic: attributes,
  normal: {},
  default: {},
  override: {},
});

/**
 * Handles `search/node?q=…`. GET returns whole objects. POST with a body like `{"key": ["path", "to"]}` returns only
 * these keys and the URL of each object. `start` and `rows` select a page.
 */
export const searchResponse = (org: Organization, url: URL, wanted: unknown): ChefResponse => {
  const query = url.searchParams.get('q') ?? '*:*';
  const nodes = searchNodes(org, query);
  if (nodes === undefined) return rejected(400, `invalid search query: '${query}'`);
  const start = Number(url.searchParams.get('start') ?? 0);
  const rows = nodes.slice(start, start + Number(url.searchParams.get('rows') ?? 1000));
  return ok({
    total: nodes.length,
    start,
    rows: rows.map((node) => (wanted === undefined ? nodeObject(node) : partial(org, url, node, wanted))),
  });
};

const partial = (org: Organization, url: URL, node: ChefNode, wanted: unknown): object => {
  const object = { ...node.attributes, ...nodeObject(node) };
  const data = Object.entries(wanted as Record<string, string[]>).map(([key, path]) => [
    key,
    dig(object, path),
  ]);
  return {
    url: `${url.origin}/organizations/${org.name}/nodes/${node.name}`,
    data: Object.fromEntries(data) as unknown,
  };
};

const dig = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined,
    value,
  ) ?? null;
