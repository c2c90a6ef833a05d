import { createPrivateKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../lib/app-error.js';
import { type Clock, systemClock } from '../lib/clock.js';
import { ok, type Result } from '../lib/result.js';
import { HttpClient } from '../platform/http/http-client.js';
import type { ProxySettings } from '../platform/http/proxy-settings.js';
import { SignedHttp } from '../platform/http/signed-http.js';
import type { JobFeedEvent } from '../protocol/feed-event-schema.js';
import type { JobOutputEvent } from '../protocol/output-event.js';
import {
  type DryRun,
  dryRunSchema,
  type Job,
  jobCreatedSchema,
  type JobRequest,
  jobSchema,
  type JobSummary,
  jobSummarySchema,
  type NodeAvailability,
  nodeAvailabilitySchema,
  type NodeDetail,
  nodeDetailSchema,
  type NodeState,
  nodeStateSchema,
} from '../protocol/rest-schemas.js';
import { ApiError } from './api-error.js';
import { type FeedOptions, readJobFeed } from './job-feed.js';
import { type JobFilter, type JobsPage, readJobsPage } from './job-list.js';
import { searchNodeNames } from './node-search.js';
import { RestCaller } from './rest-caller.js';

export { ApiError };
export type {
  DryRun,
  FeedOptions,
  Job,
  JobFeedEvent,
  JobOutputEvent,
  JobRequest,
  JobSummary,
  JobFilter,
  JobsPage,
  NodeAvailability,
  NodeDetail,
  NodeState,
  ProxySettings,
  Result,
};
export type { ApiErrorCode } from './api-error.js';
export type { JobStatus, NodeStatus } from '../protocol/job-status.js';

/** Which server to speak to, and as whom. */
export interface PushJobsClientOptions {
  /** `https://HOST[:PORT]/organizations/ORG`, as `chef_server_url` has it. */
  readonly serverUrl: string;
  /** The name of a user or client of the Chef Server. */
  readonly user: string;
  /** Its RSA private key: PEM text, or a key that was read before. */
  readonly key: string | KeyObject;
  /** PEM certificates that are trusted besides the well-known ones. */
  readonly ca?: readonly string[];
  /** False takes any TLS certificate (default true). */
  readonly verifyTls?: boolean;
  /** Proxies to go through: `{}` means those of the environment. Without it connections are direct. */
  readonly proxy?: ProxySettings;
  /** For signatures (default: this machine's). */
  readonly clock?: Clock;
}

/** A job that the server took on. */
export interface StartedJob {
  readonly id: string;
  /** Where the server shows it. */
  readonly uri: string;
}

/** Which of a command's two output streams. */
export type OutputChannel = 'stdout' | 'stderr';

const JOB_ID_LENGTH = 32;

/**
 * The REST API of a Push Jobs server, in the name of one user and for one organization. Whatever can go wrong on the
 * way is a `Result` with an ApiError; only wrong options throw. Close it at the end.
 *
 * ```ts
 * const client = new PushJobsClient({ serverUrl, user: 'alice', key: readFileSync('alice.pem', 'utf8') });
 * const started = await client.startJob({ command: 'chef-client', nodes: ['web1', 'web2'] });
 * if (!started.ok) throw started.error;
 * for await (const event of client.jobFeed(started.value.id)) console.log(event.name, event.data);
 * await client.close();
 * ```
 */
export class PushJobsClient {
  private readonly http: HttpClient;
  private readonly rest: RestCaller;

  /** Throws an AppError where the address or the key is not one. */
  constructor(options: PushJobsClientOptions) {
    const { ca, verifyTls, proxy, user, clock = systemClock } = options;
    const organizationUrl = readServerUrl(options.serverUrl);
    const signer = { userId: user, key: readKey(options.key) };
    this.http = new HttpClient({
      ...(ca === undefined ? {} : { ca }),
      ...(verifyTls === undefined ? {} : { verifyTls }),
      ...(proxy === undefined ? {} : { proxy }),
    });
    this.rest = new RestCaller(new SignedHttp(this.http, signer, clock), organizationUrl);
  }

  /**
   * Starts a job. Where the answer was lost on the way (`isAnswerLost`) the job may be running all the same: look at
   * `listJobs` before you start it again. With an `idempotencyKey`, any text of your own for this one start, the same call
   * again never starts a second job, for a day; servers that are not ours know no such keys.
   */
  async startJob(
    request: JobRequest,
    { idempotencyKey, signal }: { readonly idempotencyKey?: string; readonly signal?: AbortSignal } = {},
  ): Promise<Result<StartedJob, ApiError>> {
    const created = await this.rest.json(jobCreatedSchema, {
      method: 'POST',
      path: 'pushy/jobs',
      body: request,
      signal,
      ...(idempotencyKey === undefined ? {} : { headers: { 'Idempotency-Key': idempotencyKey } }),
    });
    if (!created.ok) return created;
    const { uri } = created.value;
    return ok({ id: uri.slice(-JOB_ID_LENGTH), uri });
  }

  /**
   * Tells which nodes could take such a job now, and starts nothing. `invalid_request` where the server is an older one,
   * which does not know that: it starts nothing either.
   */
  dryRun(
    request: JobRequest,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Result<DryRun, ApiError>> {
    return this.rest.json(dryRunSchema, {
      method: 'POST',
      path: 'pushy/jobs',
      body: { ...request, dry_run: true },
      signal,
    });
  }

  /** All jobs of the organization, oldest first, without their nodes. */
  listJobs(): Promise<Result<JobSummary[], ApiError>> {
    return this.rest.json(z.array(jobSummarySchema), { path: 'pushy/jobs' });
  }

  /** The jobs that a filter lets pass, page by page where it has a limit. */
  listJobsPage(filter: JobFilter): Promise<Result<JobsPage, ApiError>> {
    return readJobsPage(this.rest, filter);
  }

  /** Every node that the server heard since it started, offline ones too, with why it cannot take a job. */
  listNodeDetails(): Promise<Result<NodeDetail[], ApiError>> {
    return this.rest.json(z.array(nodeDetailSchema), { path: 'pushy/node_states?details=true' });
  }

  /** One node, with why it cannot take a job. */
  getNodeDetail(name: string): Promise<Result<NodeDetail, ApiError>> {
    return this.rest.json(nodeDetailSchema, { path: `pushy/node_states/${segment(name)}?details=true` });
  }

  /**
   * One job with its nodes by status; with `includeFile` also the file that was sent along, with `details` also who
   * started it and how it went on each node.
   */
  getJob(
    id: string,
    options: {
      readonly includeFile?: boolean;
      readonly details?: boolean;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<Result<Job, ApiError>> {
    const flags = [options.includeFile && 'include_file=true', options.details && 'details=true'];
    const query = flags.some(Boolean) ? `?${flags.filter(Boolean).join('&')}` : '';
    return this.rest.json(jobSchema, { path: `pushy/jobs/${segment(id)}${query}`, signal: options.signal });
  }

  /**
   * Ends a job that is going on, on all its nodes, and gives it as it ended; `conflict` where it has ended by
   * itself before.
   */
  abortJob(id: string): Promise<Result<Job, ApiError>> {
    return this.rest.json(jobSchema, { method: 'POST', path: `pushy/jobs/${segment(id)}/abort` });
  }

  /** What a node's command wrote, byte by byte; `not_found` where nothing was captured. */
  getOutput(id: string, node: string, channel: OutputChannel): Promise<Result<Buffer, ApiError>> {
    const path = `pushy/jobs/${segment(id)}/output/${segment(node)}/${channel}`;
    return this.rest.bytes({ path, accept: 'application/octet-stream' });
  }

  /** The nodes that the server has seen since it started and that are not offline. */
  listNodes(): Promise<Result<NodeAvailability[], ApiError>> {
    return this.rest.json(z.array(nodeAvailabilitySchema), { path: 'pushy/node_states' });
  }

  /** One node's state; a name that the server never saw is offline and unavailable, not an error. */
  getNode(name: string): Promise<Result<NodeState, ApiError>> {
    return this.rest.json(nodeStateSchema, { path: `pushy/node_states/${segment(name)}` });
  }

  /**
   * Whether the Chef Server has a client of this name: the key that a node of that name signs with. Deciding that may be
   * forbidden to the user (`forbidden`).
   */
  async hasChefClient(name: string): Promise<Result<boolean, ApiError>> {
    const answer = await this.rest.bytes({ path: `clients/${segment(name)}` });
    if (answer.ok) return ok(true);
    return answer.error.code === 'not_found' ? ok(false) : answer;
  }

  /**
   * A job's events as they happen, from its start to its end, over broken connections too. The iteration ends by itself
   * after `job_complete` or `summary` and quietly when `options.signal` aborts; it throws an ApiError where the feed
   * cannot be had. With `options.output` it also gives what nodes write while they run (JobOutputEvent), no chunk twice;
   * events come in their order all the same, those of output have no id.
   */
  jobFeed(
    id: string,
    options?: FeedOptions & { readonly output?: false },
  ): AsyncGenerator<JobFeedEvent, void>;
  jobFeed(id: string, options: FeedOptions): AsyncGenerator<JobFeedEvent | JobOutputEvent, void>;
  jobFeed(id: string, options?: FeedOptions): AsyncGenerator<JobFeedEvent | JobOutputEvent, void> {
    return readJobFeed(this.rest, id, options);
  }

  /** The names of the nodes that a query of Chef's own search finds, sorted. */
  searchNodes(query: string): Promise<Result<readonly string[], ApiError>> {
    return searchNodeNames(this.rest, query);
  }

  /** Closes all connections; what is under way fails. */
  async close(): Promise<void> {
    await this.http.close();
  }
}

const segment = encodeURIComponent;

const SERVER_PATH = /^(?:\/[^/]+)*\/organizations\/[^/]+$/;

const readServerUrl = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const path = url?.pathname.replace(/\/+$/, '') ?? '';
  if (url === undefined || !/^https?:$/.test(url.protocol) || !SERVER_PATH.test(path)) {
    throw new AppError(
      'bad_server_url',
      `'${text}' is not the address of an organization on a Chef Server; it should look like https://chef.example.com/organizations/ORG`,
    );
  }
  return `${url.origin}${path}`;
};

const readKey = (key: string | KeyObject): KeyObject => {
  const read = typeof key === 'string' ? parseKey(key) : key;
  if (read?.type === 'private' && read.asymmetricKeyType === 'rsa') return read;
  throw new AppError(
    'bad_key',
    'the private key is not an RSA key in PEM form, or it is protected by a passphrase',
  );
};

const parseKey = (pem: string): KeyObject | undefined => {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined; // OpenSSL's own text might quote the key
  }
};
