import { z } from 'zod';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import type { HttpResponse } from '../../../src/shared/platform/http/http-exchange.js';
import type { SignedHttp } from '../../../src/shared/platform/http/signed-http.js';
import { errorSchema } from '../../../src/shared/protocol/rest-schemas.js';
import type { Installation } from '../installation.js';
import { isSupportedVersion, chefServerUrl, superuserHttp, tlsOptions } from './superuser-http.js';
import { jsonOrUndefined } from '../../../src/shared/lib/json.js';

const TIMEOUT_MS = 10_000;

const namesSchema = z.record(z.string(), z.unknown());
const clientSchema = z.object({ chef_key: z.object({ private_key: z.string().min(1) }) });
const membersSchema = z.object({
  users: z.array(z.string()),
  clients: z.array(z.string()),
  groups: z.array(z.string()),
});

/** The members of a group, by kind; `groups` are nested groups. */
export type GroupMembers = Readonly<z.infer<typeof membersSchema>>;

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/**
 * The part of the Chef Server's API that the smoke test uses, signed by the superuser. Failures throw an AppError
 * `chef_server` that says what to do. Close it after use.
 */
export class ChefServerApi {
  private readonly http: HttpClient;
  private readonly signed: SignedHttp;
  private readonly root: string;
  private readonly apiVersion: string;
  private readonly superuser: string;

  /** Throws an AppError if the superuser's key is missing or invalid. */
  constructor(installation: Installation) {
    const { settings } = installation;
    this.http = new HttpClient(tlsOptions(settings));
    const signed = superuserHttp(this.http, installation);
    if (!signed.ok) throw chefServerError(`${signed.error.text}; ${signed.error.remedy}`);
    this.signed = signed.value;
    this.root = chefServerUrl(settings);
    this.superuser = settings.serverConfig.chef_server.superuser;
    this.apiVersion = settings.serverConfig.chef_server.api_version;
  }

  /** Returns the URL of an organization. */
  urlOf(org: string): string {
    return `${this.root}/organizations/${encodeURIComponent(org)}`;
  }

  /** Returns the names of all organizations, sorted. */
  async organizations(): Promise<string[]> {
    const url = `${this.root}/organizations`;
    return Object.keys(parseAs(namesSchema, url, await this.request('GET', url, [200]))).sort();
  }

  /** Throws an AppError if the organization does not exist. */
  async requireOrganization(org: string): Promise<void> {
    const { status } = await this.request('GET', this.urlOf(org), [200, 404]);
    if (status === 200) return;
    const existing = (await this.organizations()).join(', ');
    throw chefServerError(
      `the Chef Server has no organization '${org}'; ${existing === '' ? 'create one: chef-server-ctl org-create' : `it has ${existing}`}`,
    );
  }

  /** Creates a client and returns its private key in PEM. */
  async createClient(org: string, name: string): Promise<string> {
    const url = `${this.urlOf(org)}/clients`;
    const response = await this.request('POST', url, [201], { name, validator: false, create_key: true });
    return parseAs(clientSchema, url, response).chef_key.private_key;
  }

  /** Deletes a client if it exists. */
  async deleteClient(org: string, name: string): Promise<void> {
    await this.request('DELETE', `${this.urlOf(org)}/clients/${encodeURIComponent(name)}`, [200, 404]);
  }

  /** Returns a group's members, or undefined if the group does not exist. */
  async membersOf(org: string, group: string): Promise<GroupMembers | undefined> {
    const url = this.groupUrl(org, group);
    const response = await this.request('GET', url, [200, 404]);
    return response.status === 404 ? undefined : parseAs(membersSchema, url, response);
  }

  /** Replaces all members of a group. */
  async setMembers(org: string, group: string, { users, clients, groups }: GroupMembers): Promise<void> {
    const body = { groupname: group, actors: { users, clients, groups } };
    await this.request('PUT', this.groupUrl(org, group), [200], body);
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.http.close();
  }

  private groupUrl(org: string, group: string): string {
    return `${this.urlOf(org)}/groups/${encodeURIComponent(group)}`;
  }

  private async request(
    method: Method,
    url: string,
    expected: readonly number[],
    body?: object,
  ): Promise<HttpResponse> {
    const response = await this.signed.send({
      method,
      url,
      timeoutMs: TIMEOUT_MS,
      headers: { 'X-Chef-Version': this.apiVersion, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    });
    if (!response.ok) {
      throw chefServerError(
        `the Chef Server does not respond (${response.error.reason}): is it running, and is chef_server['root_url'] right?`,
      );
    }
    const reason = this.problemWith(response.value, expected);
    if (reason === undefined) return response.value;
    throw chefServerError(`${reason} (${method} ${url}: ${describeResponse(response.value)})`);
  }

  private problemWith({ status, headers }: HttpResponse, expected: readonly number[]): string | undefined {
    if (status >= 500)
      return 'the Chef Server has an internal error; see chef-server-ctl status and chef-server-ctl tail';
    if (status === 401) {
      return `the Chef Server does not accept the key of ${this.superuser}: replace ours by the key that it knows`;
    }
    if (!isSupportedVersion(headers)) {
      return "this is not a Chef Server of version 12.14 or newer: upgrade it, or correct chef_server['root_url']";
    }
    if (expected.includes(status)) return undefined;
    return status === 403
      ? `the Chef Server does not allow ${this.superuser} to do this`
      : 'the Chef Server sent an unexpected status';
  }
}

const chefServerError = (text: string): AppError => new AppError('chef_server', text);

const describeResponse = ({ status, body }: HttpResponse): string => {
  const parsed = errorSchema.safeParse(jsonOrUndefined(body.toString('utf8')));
  return parsed.success ? `${status}: ${[parsed.data.error].flat().join('; ')}` : String(status);
};

const parseAs = <Schema extends z.ZodType>(
  schema: Schema,
  url: string,
  { body }: HttpResponse,
): z.infer<Schema> => {
  const parsed = schema.safeParse(jsonOrUndefined(body.toString('utf8')));
  if (parsed.success) return parsed.data;
  throw chefServerError(`${url} sent a body that no Chef Server sends`); // not shown, because it can hold a key
};
