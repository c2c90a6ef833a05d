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
import type { JobRequest } from '../protocol/job-request.js';
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

/** Server and user of a client. */
export interface PushJobsClientOptions {
  /** `https://HOST[:PORT]/organizations/ORG`, like `chef_server_url`. */
  readonly serverUrl: string;
  /** The name of a user or client of the Chef Server. */
  readonly user: string;
  /** Its RSA private key: PEM text or a key object. */
  readonly key: string | KeyObject;
  /** PEM certificates that are trusted in addition to the well-known ones. */
  readonly ca?: readonly string[];
  /** False accepts any TLS certificate (default true). */
  readonly verifyTls?: boolean;
  /** Proxies: `{}` uses those of the environment; if undefined, connections are direct. */
  readonly proxy?: ProxySettings;
  /** The clock for signatures (default: that of this machine). */
  readonly clock?: Clock;
}

/** A job that the server has accepted. */
export interface StartedJob {
  readonly id: string;
  /** The URL of the job. */
  readonly uri: string;
}

/** An output stream of a command. */
export type OutputChannel = 'stdout' | 'stderr';

const JOB_ID_LENGTH = 32;

/**
 * Client of the REST API of a Push Jobs server, for one user and one organization. Failures are a `Result` with an
 * ApiError; only invalid options throw. Close the client at the end.
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

  /** Throws an AppError if the server URL or the key is invalid. */
  constructor(options: PushJobsClientOptions) {
    const { ca, verifyTls, proxy, user, clock = systemClock } = options;
    const organizationUrl = parseServerUrl(options.serverUrl);
    const signer = { userId: user, key: readKey(options.key) };
    this.http = new HttpClient({
      ...(ca === undefined ? {} : { ca }),
      ...(verifyTls === undefined ? {} : { verifyTls }),
      ...(proxy === undefined ? {} : { proxy }),
    });
    this.rest = new RestCaller(new SignedHttp(this.http, signer, clock), organizationUrl);
  }

  /**
   * Starts a job. If the response is lost (`isResponseLost`), the job may be running: check `listJobs` before you start it
   * again. With an `idempotencyKey`, a text that is unique for this start, a repeated call never starts a second job, for
   * a day; servers that are not ours ignore such keys.
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
   * Returns which nodes could take this job now, and starts nothing. An older server, which does not know dry runs,
   * also starts nothing: the error is `invalid_request`.
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

  /** Lists all jobs of the organization, oldest first, without their nodes. */
  listJobs(): Promise<Result<JobSummary[], ApiError>> {
    return this.rest.json(z.array(jobSummarySchema), { path: 'pushy/jobs' });
  }

  /** Lists the jobs that match a filter; one page if the filter has a limit. */
  listJobsPage(filter: JobFilter): Promise<Result<JobsPage, ApiError>> {
    return readJobsPage(this.rest, filter);
  }

  /** Lists all nodes that the server has seen since its start, also offline ones, with why they cannot take a job. */
  listNodeDetails(): Promise<Result<NodeDetail[], ApiError>> {
    return this.rest.json(z.array(nodeDetailSchema), { path: 'pushy/node_states?details=true' });
  }

  /** Returns one node, with why it cannot take a job. */
  getNodeDetail(name: string): Promise<Result<NodeDetail, ApiError>> {
    return this.rest.json(nodeDetailSchema, { path: `pushy/node_states/${segment(name)}?details=true` });
  }

  /**
   * Returns one job with its nodes by status; with `includeFile` also the file of the job, with `details` also who started
   * it and the result of each node.
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
   * Aborts a job on all its nodes and returns it as it ended; the error is `conflict` if the job has already ended.
   */
  abortJob(id: string): Promise<Result<Job, ApiError>> {
    return this.rest.json(jobSchema, { method: 'POST', path: `pushy/jobs/${segment(id)}/abort` });
  }

  /** Returns the captured output of a node; the error is `not_found` if nothing was captured. */
  getOutput(id: string, node: string, channel: OutputChannel): Promise<Result<Buffer, ApiError>> {
    const path = `pushy/jobs/${segment(id)}/output/${segment(node)}/${channel}`;
    return this.rest.bytes({ path, accept: 'application/octet-stream' });
  }

  /** Lists the online nodes that the server has seen since its start. */
  listNodes(): Promise<Result<NodeAvailability[], ApiError>> {
    return this.rest.json(z.array(nodeAvailabilitySchema), { path: 'pushy/node_states' });
  }

  /** Returns the state of one node; an unknown node is offline and unavailable, not an error. */
  getNode(name: string): Promise<Result<NodeState, ApiError>> {
    return this.rest.json(nodeStateSchema, { path: `pushy/node_states/${segment(name)}` });
  }

  /**
   * Returns whether the Chef Server has a client with this name, which a node needs for its signatures. The user may not
   * have the right to see that (`forbidden`).
   */
  async hasChefClient(name: string): Promise<Result<boolean, ApiError>> {
    const response = await this.rest.bytes({ path: `clients/${segment(name)}` });
    if (response.ok) return ok(true);
    return response.error.code === 'not_found' ? ok(false) : response;
  }

  /**
   * Yields a job's events as they happen, from its start to its end, each once even if connections break. The iteration
   * ends after `job_complete` or `summary`, or without an error when `options.signal` aborts; it throws an ApiError if the
   * feed cannot be read. With `options.output` it also yields live output (JobOutputEvent, without an id), each chunk
   * once.
   */
  jobFeed(
    id: string,
    options?: FeedOptions & { readonly output?: false },
  ): AsyncGenerator<JobFeedEvent, void>;
  jobFeed(id: string, options: FeedOptions): AsyncGenerator<JobFeedEvent | JobOutputEvent, void>;
  jobFeed(id: string, options?: FeedOptions): AsyncGenerator<JobFeedEvent | JobOutputEvent, void> {
    return readJobFeed(this.rest, id, options);
  }

  /** Returns the sorted names of the nodes that match a Chef search query. */
  searchNodes(query: string): Promise<Result<readonly string[], ApiError>> {
    return searchNodeNames(this.rest, query);
  }

  /** Closes all connections; calls in progress fail. */
  async close(): Promise<void> {
    await this.http.close();
  }
}

const segment = encodeURIComponent;

const SERVER_PATH = /^(?:\/[^/]+)*\/organizations\/[^/]+$/;

const parseServerUrl = (text: string): string => {
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
    return undefined; // OpenSSL's error could quote the key
  }
};
