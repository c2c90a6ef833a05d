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
import type { PublicKeyCache } from './public-key-cache.js';
import { jsonOrUndefined } from '../../shared/lib/json.js';

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

/** Parses the body as JSON of this shape; undefined if it is invalid. */
const readAs = <Schema extends z.ZodType>(
  schema: Schema,
  { body }: HttpResponse,
): z.infer<Schema> | undefined => schema.safeParse(jsonOrUndefined(body.toString())).data;

/** Returns the API version of a response; 0 if the server names none. */
const apiVersionOf = ({ headers }: HttpResponse): number => {
  const header = headers['x-ops-server-api-version'];
  const version = apiVersionSchema.safeParse(jsonOrUndefined(String(header)));
  return version.data?.response_version ?? 0;
};

const readPrincipals = (response: HttpResponse): z.infer<typeof principalSchema>[] | undefined => {
  if (apiVersionOf(response) > 0) return readAs(principalListSchema, response)?.principals;
  const principal = readAs(principalSchema, response);
  return principal === undefined ? undefined : [principal];
};

/**
 * Parses the response to `GET principals/NAME`. Keys that are not RSA keys are omitted. See docs/spec/rest-api.md, "Asking
 * the Chef Server".
 */
export const parsePrincipals = (
  response: HttpResponse,
  publicKeys: PublicKeyCache,
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
      const key = publicKeys.parse(pem);
      return key === undefined ? [] : [{ name, type, key, isMember }];
    }),
  );
};

/** Parses the guid from the response to `GET /organizations/ORG`. */
export const parseOrgId = (response: HttpResponse): Result<string, UnknownOrganization | Unavailable> => {
  if (isNotFound(response)) return err({ kind: 'unknown_organization' });
  if (response.status !== 200) return unavailable(`answer with status ${response.status}`);
  const organization = readAs(organizationSchema, response);
  return organization === undefined ? unavailable('unreadable answer') : ok(organization.guid);
};

/** Parses the response to `GET groups/GROUP`. */
export const parseGroup = (response: HttpResponse): Result<ChefGroup, NoGroup | Unavailable> => {
  if (isNotFound(response)) return err({ kind: 'unknown_group' });
  if (response.status !== 200)
    return err({ kind: 'refused', reason: `answer with status ${response.status}` });
  const group = readAs(groupSchema, response);
  return group === undefined ? unavailable('unreadable answer') : ok(group);
};

/** Whether Chef Server itself sent the 404. That of a proxy is an HTML page and does not mean "no such group". */
const isNotFound = (response: HttpResponse): boolean =>
  response.status === 404 && readAs(errorSchema, response) !== undefined;
