import type { OnApplicationShutdown } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { err, type Result } from '../../shared/lib/result.js';
import { SingleFlight } from '../../shared/lib/single-flight.js';
import { DEFAULT_MAX_ENTRIES, TtlCache } from '../../shared/lib/ttl-cache.js';
import type { HttpClient } from '../../shared/platform/http/http-client.js';
import type { HttpFault, HttpRequest, HttpResponse } from '../../shared/platform/http/http-exchange.js';
import type { SignedHttp } from '../../shared/platform/http/signed-http.js';
import type {
  ChefDirectory,
  ChefGroup,
  NoGroup,
  Unavailable,
  UnknownOrganization,
  UnknownPrincipal,
} from './chef-directory.port.js';
import { parseGroup, parseOrgId, parsePrincipals } from './chef-responses.js';
import { type ChefServerWatch, ThrottledLog } from './chef-server-watch.js';
import { PublicKeyCache } from './public-key-cache.js';

/** Addresses and options of the requests to Chef Server. */
export interface ChefServerAccess {
  /** Internal address of erchef, for principals. */
  readonly erchefUrl: string;
  /** Root address, for requests in the superuser's name. */
  readonly rootUrl: string;
  /** Sent as `X-Chef-Version`. */
  readonly chefVersion: string;
  /** Timeout of one lookup, in ms. */
  readonly timeoutMs: () => number;
}

/** A limited number of connections to Chef Server, for requests that are unsigned and for those of the superuser. */
export interface ChefServerConnections {
  readonly unsigned: HttpClient;
  readonly superuser: SignedHttp;
}

type Send = (request: HttpRequest) => Promise<Result<HttpResponse, HttpFault>>;
type LookupResult = Result<HttpResponse, Unavailable>;
type Fault = UnknownOrganization | UnknownPrincipal | NoGroup | Unavailable;
type Parse<T, E extends Fault> = (response: HttpResponse) => Result<T, E | Unavailable>;

const REASONS: Readonly<Record<HttpFault['kind'], string>> = {
  timeout: 'no answer in time',
  unreachable: 'no connection',
  too_large: 'unreadable answer',
  aborted: 'no connection',
};

/** Short, because a deleted organization may be created again with the same name and another guid. */
const ORG_ID_TTL_MS = 60_000;

/** Bytes of UTF-8; Chef Server allows fewer. */
const MAX_NAME_BYTES = 1024;

/** JSON strings can contain half of a surrogate pair, which no URL can. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Whether Chef Server cannot know the name. `.` and `..` in a URL would lead to another resource. A name that is too long
 * would get an unusable response, as if Chef Server were unavailable.
 */
const isImpossibleName = (name: string): boolean =>
  name === '.' || name === '..' || Buffer.byteLength(name) > MAX_NAME_BYTES || LONE_SURROGATE.test(name);

/**
 * Looks up principals, organizations and groups over HTTP. See docs/spec/rest-api.md, "Asking the Chef Server".
 *
 * Anybody can cause lookups of names, so names that Chef Server has not confirmed yet have connections of their own:
 * requests of known principals never wait for them.
 */
export class HttpChefDirectory implements ChefDirectory, OnApplicationShutdown {
  private readonly orgIds: TtlCache<Awaited<ReturnType<ChefDirectory['orgId']>>>;
  private readonly lookups = new SingleFlight<LookupResult>();
  private readonly publicKeys = new PublicKeyCache();
  /** The URLs of members and organizations that exist. */
  private readonly confirmed = new LRUCache<string, true>({ max: DEFAULT_MAX_ENTRIES });
  private readonly log: ThrottledLog;

  constructor(
    private readonly connections: ChefServerConnections,
    private readonly connectionsForStrangers: ChefServerConnections,
    private readonly access: ChefServerAccess,
    logger: Logger,
    private readonly watch: Pick<ChefServerWatch, 'observeDuration' | 'recordOutcome'>,
    now: () => number = () => performance.now(),
  ) {
    this.orgIds = new TtlCache(() => ORG_ID_TTL_MS, DEFAULT_MAX_ENTRIES, now);
    this.log = new ThrottledLog(logger);
  }

  async principals(org: string, name: string): ReturnType<ChefDirectory['principals']> {
    if (isImpossibleName(org)) return err({ kind: 'unknown_organization' });
    if (isImpossibleName(name)) return err({ kind: 'unknown_principal' });
    const url = `${withoutSlash(this.access.erchefUrl)}${pathOf(org)}/principals/${encodeURIComponent(name)}`;
    const parse = (response: HttpResponse) => parsePrincipals(response, this.publicKeys);
    const send: Send = (request) => this.connectionsFor(url).unsigned.send(request);
    const found = await this.lookUp('principals', url, send, parse);
    if (found.ok && found.value.some(({ isMember }) => isMember)) this.confirmed.set(url, true);
    return found;
  }

  async orgId(org: string): Promise<Result<string, UnknownOrganization | Unavailable>> {
    if (isImpossibleName(org)) return err({ kind: 'unknown_organization' });
    return this.orgIds.getOrLoad(
      org,
      () => this.lookUpOrgId(org),
      ({ ok }) => ok,
    );
  }

  async group(org: string, name: string): Promise<Result<ChefGroup, NoGroup | Unavailable>> {
    if (isImpossibleName(org) || isImpossibleName(name)) return err({ kind: 'unknown_group' });
    const url = `${withoutSlash(this.access.rootUrl)}${pathOf(org)}/groups/${encodeURIComponent(name)}`;
    return this.lookUp('group', url, (request) => this.connections.superuser.send(request), parseGroup);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.connections.unsigned.close(), this.connectionsForStrangers.unsigned.close()]);
  }

  private async lookUpOrgId(org: string): Promise<Result<string, UnknownOrganization | Unavailable>> {
    const url = `${withoutSlash(this.access.rootUrl)}${pathOf(org)}`;
    const send: Send = (request) => this.connectionsFor(url).superuser.send(request);
    const found = await this.lookUp('organization', url, send, parseOrgId);
    if (found.ok) this.confirmed.set(url, true);
    return found;
  }

  private connectionsFor(url: string): ChefServerConnections {
    return this.confirmed.has(url) ? this.connections : this.connectionsForStrangers;
  }

  private async lookUp<T, E extends Fault>(
    question: string,
    url: string,
    send: Send,
    parse: Parse<T, E>,
  ): Promise<Result<T, E | Unavailable>> {
    const response = await this.lookups.run(url, () => this.request(question, url, send));
    const result = response.ok ? parse(response.value) : response;
    const problem = result.ok ? undefined : reasonOf(result.error);
    this.watch.recordOutcome(question, problem);
    if (problem !== undefined && response.ok) this.log.problem(question, problem, url);
    return result;
  }

  /** Sends the request, and once more if the connection fails: Chef Server may just have closed an idle one. */
  private async request(question: string, url: string, send: Send): Promise<LookupResult> {
    const begin = performance.now();
    const timeoutMs = this.access.timeoutMs();
    const deadline = begin + timeoutMs;
    const headers = {
      Accept: 'application/json',
      'X-Ops-Server-API-Version': '1',
      'X-Chef-Version': this.access.chefVersion,
    };
    const attempt = (withinMs: number) => send({ method: 'GET', url, headers, timeoutMs: withinMs });
    let response = await attempt(timeoutMs);
    const leftMs = Math.ceil(deadline - performance.now());
    if (!response.ok && response.error.kind === 'unreachable' && leftMs > 0) response = await attempt(leftMs);
    this.watch.observeDuration(question, outcomeOf(response), (performance.now() - begin) / 1000);
    if (response.ok) return response;
    const reason = REASONS[response.error.kind];
    this.log.problem(question, reason, response.error.reason);
    return err({ kind: 'unavailable', reason });
  }
}

/** Returns why a response is not usable; undefined if it only says that something is unknown. */
const reasonOf = (fault: Fault): string | undefined => ('reason' in fault ? fault.reason : undefined);

const outcomeOf = (response: Awaited<ReturnType<Send>>): string => {
  if (!response.ok) return response.error.kind;
  return response.value.status >= 500 ? 'server_error' : 'answered';
};

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

const pathOf = (org: string): string => `/organizations/${encodeURIComponent(org)}`;
