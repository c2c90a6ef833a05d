import { z } from 'zod';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import type { HttpResponse } from '../../../src/shared/platform/http/http-exchange.js';
import type { SignedHttp } from '../../../src/shared/platform/http/signed-http.js';
import { errorSchema } from '../../../src/shared/protocol/rest-schemas.js';
import type { Installation } from '../installation.js';
import { isNewEnough, rootOf, superuserHttp, trustedBy } from './superuser-http.js';

const TIMEOUT_MS = 10_000;

const namesSchema = z.record(z.string(), z.unknown());
const clientSchema = z.object({ chef_key: z.object({ private_key: z.string().min(1) }) });
const membersSchema = z.object({
  users: z.array(z.string()),
  clients: z.array(z.string()),
  groups: z.array(z.string()),
});

/** Who is in a group, by kind; `groups` are names of groups in it. */
export type GroupMembers = Readonly<z.infer<typeof membersSchema>>;

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/**
 * What of the Chef Server's API we use, in the name of its superuser. What does not go as it should throws an AppError
 * `chef_server` that says what to do. Close it at the end.
 */
export class ChefServerApi {
  private readonly http: HttpClient;
  private readonly signed: SignedHttp;
  private readonly root: string;
  private readonly apiVersion: string;
  private readonly superuser: string;

  /** Throws where there is no key of the superuser. */
  constructor(installation: Installation) {
    const { product } = installation;
    this.http = new HttpClient(trustedBy(product));
    const signed = superuserHttp(this.http, installation);
    if (!signed.ok) throw fault(`${signed.error.text}; ${signed.error.mend}`);
    this.signed = signed.value;
    this.root = rootOf(product);
    this.superuser = product.serverConfig.chef_server.superuser;
    this.apiVersion = product.serverConfig.chef_server.api_version;
  }

  /** The address of an organization. */
  urlOf(org: string): string {
    return `${this.root}/organizations/${encodeURIComponent(org)}`;
  }

  /** The names of all organizations, sorted. */
  async organizations(): Promise<string[]> {
    const url = `${this.root}/organizations`;
    return Object.keys(readAs(namesSchema, url, await this.ask('GET', url, [200]))).sort();
  }

  /** Throws where there is no such organization. */
  async requireOrganization(org: string): Promise<void> {
    const { status } = await this.ask('GET', this.urlOf(org), [200, 404]);
    if (status === 200) return;
    const there = (await this.organizations()).join(', ');
    throw fault(
      `there is no organization '${org}' on the Chef Server; there ${there === '' ? 'is none yet: chef-server-ctl org-create' : `is ${there}`}`,
    );
  }

  /** Makes a client and hands back its private key, PEM. */
  async createClient(org: string, name: string): Promise<string> {
    const url = `${this.urlOf(org)}/clients`;
    const answer = await this.ask('POST', url, [201], { name, validator: false, create_key: true });
    return readAs(clientSchema, url, answer).chef_key.private_key;
  }

  /** Sees that there is no such client. */
  async deleteClient(org: string, name: string): Promise<void> {
    await this.ask('DELETE', `${this.urlOf(org)}/clients/${encodeURIComponent(name)}`, [200, 404]);
  }

  /** Who is in a group; undefined where there is no such group. */
  async membersOf(org: string, group: string): Promise<GroupMembers | undefined> {
    const url = this.groupUrl(org, group);
    const answer = await this.ask('GET', url, [200, 404]);
    return answer.status === 404 ? undefined : readAs(membersSchema, url, answer);
  }

  /** Replaces all members of a group. */
  async setMembers(org: string, group: string, { users, clients, groups }: GroupMembers): Promise<void> {
    const body = { groupname: group, actors: { users, clients, groups } };
    await this.ask('PUT', this.groupUrl(org, group), [200], body);
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.http.close();
  }

  private groupUrl(org: string, group: string): string {
    return `${this.urlOf(org)}/groups/${encodeURIComponent(group)}`;
  }

  private async ask(
    method: Method,
    url: string,
    expected: readonly number[],
    body?: object,
  ): Promise<HttpResponse> {
    const answer = await this.signed.send({
      method,
      url,
      timeoutMs: TIMEOUT_MS,
      headers: { 'X-Chef-Version': this.apiVersion, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    });
    if (!answer.ok) {
      throw fault(
        `the Chef Server does not answer (${answer.error.reason}): is it running, and is chef_server['root_url'] right?`,
      );
    }
    const reason = this.reasonAgainst(answer.value, expected);
    if (reason === undefined) return answer.value;
    throw fault(`${reason} (${method} ${url} answers ${saidIn(answer.value)})`);
  }

  private reasonAgainst({ status, headers }: HttpResponse, expected: readonly number[]): string | undefined {
    if (status >= 500) return 'the Chef Server is in trouble: chef-server-ctl status, chef-server-ctl tail';
    if (status === 401) {
      return `the Chef Server does not take the key of ${this.superuser}: put the key that it knows in place of ours`;
    }
    if (!isNewEnough(headers)) {
      return "this is no Chef Server of 12.14 or newer: upgrade it, or mend chef_server['root_url']";
    }
    if (expected.includes(status)) return undefined;
    return status === 403
      ? `the Chef Server does not let ${this.superuser} do this`
      : 'the Chef Server does something else than was asked for';
  }
}

const fault = (text: string): AppError => new AppError('chef_server', text);

const saidIn = ({ status, body }: HttpResponse): string => {
  const parsed = errorSchema.safeParse(readJson(body));
  return parsed.success ? `${status}: ${[parsed.data.error].flat().join('; ')}` : String(status);
};

const readAs = <Schema extends z.ZodType>(
  schema: Schema,
  url: string,
  { body }: HttpResponse,
): z.infer<Schema> => {
  const parsed = schema.safeParse(readJson(body));
  if (parsed.success) return parsed.data;
  throw fault(`${url} answers with something else than a Chef Server does`); // it can hold a key: not shown
};

const readJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined; // no schema takes undefined, so the caller reports it
  }
};
