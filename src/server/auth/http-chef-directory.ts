import type { OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { err, type Result } from '../../shared/lib/result.js';
import type { HttpClient } from '../../shared/platform/http/http-client.js';
import type { HttpFault, HttpRequest, HttpResponse } from '../../shared/platform/http/http-exchange.js';
import type { SignedHttp } from '../../shared/platform/http/signed-http.js';
import { groupFrom, orgIdFrom, principalsFrom } from './chef-answers.js';
import type {
  ChefDirectory,
  ChefGroup,
  NoGroup,
  Unavailable,
  UnknownOrganization,
  UnknownPrincipal,
} from './chef-directory.port.js';
import type { ChefServerWatch } from './chef-server-watch.js';
import { OutageLog } from './outage-log.js';
import { PublicKeys } from './public-keys.js';
import { MOST_ANSWERS, ShortMemory } from '../../shared/lib/ttl-cache.js';
import { SharedLookups } from '../../shared/lib/single-flight.js';

/** Where and how the Chef Server is asked. */
export interface ChefServerAccess {
  /** Internal address of erchef, for principals. */
  readonly erchefUrl: string;
  /** Root address, for what is asked in the superuser's name. */
  readonly rootUrl: string;
  /** Sent as `X-Chef-Version`. */
  readonly chefVersion: string;
  /** Milliseconds that one look-up may take. */
  readonly timeoutMs: () => number;
}

type Send = (request: HttpRequest) => Promise<Result<HttpResponse, HttpFault>>;
type Answer = Result<HttpResponse, Unavailable>;
type Fault = UnknownOrganization | UnknownPrincipal | NoGroup | Unavailable;
/** Makes sense of an answer that came. */
type Read<T, E extends Fault> = (response: HttpResponse) => Result<T, E | Unavailable>;

const REASONS: Readonly<Record<HttpFault['kind'], string>> = {
  timeout: 'no answer in time',
  unreachable: 'no connection',
  too_large: 'unreadable answer',
  aborted: 'no connection',
};

/** An organization may be deleted and made again under its name; it is another one then. */
const KEEP_ORG_ID_MS = 60_000;

/** Bytes of UTF-8; Chef Server allows less. */
const MAX_NAME_BYTES = 1024;

/** Half of a pair that stands for one character: no text, though JSON can bring it. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * No Chef Server knows such names. Dots cannot stand in a URL as a name: they would lead to another resource. A URL that
 * is too long gets no usable answer, and would pass for trouble of the Chef Server. What is no text has no URL.
 */
const isNoName = (name: string): boolean =>
  name === '.' || name === '..' || Buffer.byteLength(name) > MAX_NAME_BYTES || LONE_SURROGATE.test(name);

/** The directory as a Chef Server gives it over HTTP (REST API, "Asking the Chef Server"). */
export class HttpChefDirectory implements ChefDirectory, OnApplicationShutdown {
  private readonly orgIds: ShortMemory<Awaited<ReturnType<ChefDirectory['orgId']>>>;
  private readonly lookups = new SharedLookups<Answer>();
  private readonly publicKeys = new PublicKeys();
  private readonly outages: OutageLog;

  constructor(
    private readonly http: HttpClient,
    private readonly superuser: SignedHttp,
    private readonly access: ChefServerAccess,
    logger: Logger,
    private readonly watch: Pick<ChefServerWatch, 'took' | 'judged'>,
    now: () => number = () => performance.now(),
  ) {
    this.orgIds = new ShortMemory(() => KEEP_ORG_ID_MS, MOST_ANSWERS, now);
    this.outages = new OutageLog(logger);
  }

  async principals(org: string, name: string): ReturnType<ChefDirectory['principals']> {
    if (isNoName(org)) return err({ kind: 'unknown_organization' });
    if (isNoName(name)) return err({ kind: 'unknown_principal' });
    const url = `${withoutSlash(this.access.erchefUrl)}${pathOf(org)}/principals/${encodeURIComponent(name)}`;
    const read = (response: HttpResponse) => principalsFrom(response, this.publicKeys);
    return this.ask('principals', url, (request) => this.http.send(request), read);
  }

  async orgId(org: string): Promise<Result<string, UnknownOrganization | Unavailable>> {
    if (isNoName(org)) return err({ kind: 'unknown_organization' });
    const lookUp = () => this.askAsSuperuser('organization', pathOf(org), orgIdFrom);
    return this.orgIds.ask(org, lookUp, ({ ok }) => ok);
  }

  async group(org: string, name: string): Promise<Result<ChefGroup, NoGroup | Unavailable>> {
    if (isNoName(org) || isNoName(name)) return err({ kind: 'unknown_group' });
    return this.askAsSuperuser('group', `${pathOf(org)}/groups/${encodeURIComponent(name)}`, groupFrom);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.http.close();
  }

  private askAsSuperuser<T, E extends Fault>(question: string, path: string, read: Read<T, E>) {
    const url = `${withoutSlash(this.access.rootUrl)}${path}`;
    return this.ask(question, url, (request) => this.superuser.send(request), read);
  }

  private async ask<T, E extends Fault>(
    question: string,
    url: string,
    send: Send,
    read: Read<T, E>,
  ): Promise<Result<T, E | Unavailable>> {
    const response = await this.lookups.ask(url, () => this.send(question, url, send));
    const answer = response.ok ? read(response.value) : response;
    const trouble = answer.ok ? undefined : reasonOf(answer.error);
    this.watch.judged(question, trouble);
    if (trouble !== undefined && response.ok) this.outages.note(question, trouble, url);
    return answer;
  }

  /** Asks, and once more where the connection failed (it may have been an old one, just closed by the other side). */
  private async send(question: string, url: string, send: Send): Promise<Answer> {
    const begin = performance.now();
    const withinMs = this.access.timeoutMs();
    const deadline = begin + withinMs;
    const headers = {
      Accept: 'application/json',
      'X-Ops-Server-API-Version': '1',
      'X-Chef-Version': this.access.chefVersion,
    };
    const attempt = (timeoutMs: number) => send({ method: 'GET', url, headers, timeoutMs });
    let response = await attempt(withinMs);
    const left = Math.ceil(deadline - performance.now());
    if (!response.ok && response.error.kind === 'unreachable' && left > 0) response = await attempt(left);
    this.watch.took(question, outcomeOf(response), (performance.now() - begin) / 1000);
    if (response.ok) return response;
    const reason = REASONS[response.error.kind];
    this.outages.note(question, reason, response.error.reason);
    return err({ kind: 'unavailable', reason });
  }
}

/** Why the Chef Server gave no answer that can be used; that it knows no such thing is one. */
const reasonOf = (fault: Fault): string | undefined => ('reason' in fault ? fault.reason : undefined);

const outcomeOf = (response: Awaited<ReturnType<Send>>): string => {
  if (!response.ok) return response.error.kind;
  return response.value.status >= 500 ? 'server_error' : 'answered';
};

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

const pathOf = (org: string): string => `/organizations/${encodeURIComponent(org)}`;
