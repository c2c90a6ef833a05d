import { z } from 'zod';
import { err, ok, type Result } from '../../shared/lib/result.js';
import type { HttpResponse } from '../../shared/platform/http/http-exchange.js';
import type {
  ChefGroup,
  NoGroup,
  Principal,
  Unavailable,
  UnknownOrganization,
  UnknownPrincipal,
} from './chef-directory.port.js';
import type { PublicKeys } from './public-keys.js';

const principalSchema = z.object({
  name: z.string(),
  type: z.enum(['user', 'client']),
  public_key: z.string(),
  org_member: z.boolean(),
});
const principalListSchema = z.object({ principals: z.array(principalSchema) });
const notFoundSchema = z.object({ not_found: z.enum(['org', 'principal']) });
const errorSchema = z.object({ error: z.unknown() });
const organizationSchema = z.object({ guid: z.string().regex(/^[0-9a-f]{32}$/) });
const groupSchema = z.object({
  users: z.array(z.string()),
  clients: z.array(z.string()),
  groups: z.array(z.string()),
});
const apiVersionSchema = z.object({ response_version: z.coerce.number().int() });

const unavailable = (reason: string) => err<Unavailable>({ kind: 'unavailable', reason });

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no schema takes this
  }
};

/** The body as JSON of this shape; undefined where it is anything else. */
const readAs = <Schema extends z.ZodType>(
  schema: Schema,
  { body }: HttpResponse,
): z.infer<Schema> | undefined => schema.safeParse(parseJson(body.toString())).data;

/** The API version that an answer is in; 0 where the server knows of none. */
const apiVersionOf = ({ headers }: HttpResponse): number => {
  const header = headers['x-ops-server-api-version'];
  const version = apiVersionSchema.safeParse(parseJson(String(header)));
  return version.data?.response_version ?? 0;
};

const readPrincipals = (response: HttpResponse): z.infer<typeof principalSchema>[] | undefined => {
  if (apiVersionOf(response) > 0) return readAs(principalListSchema, response)?.principals;
  const principal = readAs(principalSchema, response);
  return principal === undefined ? undefined : [principal];
};

/** What `GET principals/NAME` answered (REST API, "Asking the Chef Server"). A key that is not RSA is left out. */
export const principalsFrom = (
  response: HttpResponse,
  keys: PublicKeys,
): Result<readonly Principal[], UnknownOrganization | UnknownPrincipal | Unavailable> => {
  if (response.status === 404) {
    const missing = readAs(notFoundSchema, response)?.not_found;
    if (missing === undefined) return unavailable('unreadable answer with status 404');
    return err({ kind: missing === 'org' ? 'unknown_organization' : 'unknown_principal' });
  }
  if (response.status !== 200) return unavailable(`answer with status ${response.status}`);
  const entries = readPrincipals(response);
  if (entries === undefined) return unavailable('unreadable answer');
  if (entries.length === 0) return err({ kind: 'unknown_principal' });
  return ok(
    entries.flatMap(({ name, type, public_key: pem, org_member: isMember }) => {
      const key = keys.read(pem);
      return key === undefined ? [] : [{ name, type, key, isMember }];
    }),
  );
};

/** What `GET /organizations/ORG` answered: the guid. */
export const orgIdFrom = (response: HttpResponse): Result<string, UnknownOrganization | Unavailable> => {
  if (isNotFound(response)) return err({ kind: 'unknown_organization' });
  if (response.status !== 200) return unavailable(`answer with status ${response.status}`);
  const organization = readAs(organizationSchema, response);
  return organization === undefined ? unavailable('unreadable answer') : ok(organization.guid);
};

/** What `GET groups/GROUP` answered. */
export const groupFrom = (response: HttpResponse): Result<ChefGroup, NoGroup | Unavailable> => {
  if (isNotFound(response)) return err({ kind: 'unknown_group' });
  if (response.status !== 200)
    return err({ kind: 'refused', reason: `answer with status ${response.status}` });
  const group = readAs(groupSchema, response);
  return group === undefined ? unavailable('unreadable answer') : ok(group);
};

/** A 404 of the Chef Server itself: that of a proxy on the way is a page, and must not pass for "no such group". */
const isNotFound = (response: HttpResponse): boolean =>
  response.status === 404 && readAs(errorSchema, response) !== undefined;
