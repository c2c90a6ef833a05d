import { z } from 'zod';
import { JOB_STATUS_CODES, NODE_STATUS_CODES, type JobStatus, type NodeStatus } from './job-status.js';

const names = <Name extends string>(codes: Record<Name, number>): [Name, ...Name[]] =>
  Object.keys(codes) as [Name, ...Name[]];

const jobStatus = z.enum(names<JobStatus>(JOB_STATUS_CODES));
const nodeStatus = z.enum(names<NodeStatus>(NODE_STATUS_CODES));

/** A job as `GET jobs` lists it (REST API, "A job"); dates are RFC 1123, `run_timeout` is in seconds. */
export const jobSummarySchema = z.object({
  id: z.string(),
  command: z.string(),
  status: jobStatus,
  run_timeout: z.number(),
  created_at: z.string(),
  updated_at: z.string(),
  user: z.string().optional(),
  dir: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
  capture_output: z.literal(true).optional(),
  file_specified: z.literal(true).optional(),
  file: z.string().optional(),
});

/** A node's part in a job, as `?details=true` shows it; what did not happen, or was not told, is left out. */
export const jobNodeDetailSchema = z.object({
  node_name: z.string(),
  status: nodeStatus,
  /** When it voted yes, when it began to run, and when it got the status that it has: ISO 8601. */
  ready_at: z.string().optional(),
  running_at: z.string().optional(),
  updated_at: z.string().optional(),
  exit_code: z.number().optional(),
  signal: z.string().optional(),
  duration_ms: z.number().optional(),
  /** Why it did not take part, or not to the end. */
  reason: z.string().optional(),
});

/** A job as `GET jobs/ID` shows it: with its nodes by status. `details` are there where they were asked for. */
export const jobSchema = jobSummarySchema.extend({
  nodes: z.partialRecord(nodeStatus, z.array(z.string())),
  details: z
    .object({ created_by: z.string(), quorum: z.number(), nodes: z.array(jobNodeDetailSchema) })
    .optional(),
});

/** A node as `GET node_states` lists it. */
export const nodeAvailabilitySchema = z.object({
  node_name: z.string(),
  availability: z.enum(['available', 'unavailable']),
});

/** A node as `GET node_states/NODE` shows it. */
export const nodeStateSchema = nodeAvailabilitySchema.extend({ status: z.enum(['online', 'offline']) });

/** A node with all that may tell why it cannot take a job: what `?details=true` adds. Dates are ISO 8601. */
export const nodeDetailSchema = nodeStateSchema.extend({
  /** `never_seen`, `not_seen_since_restart`, `silent`, `rehab`, or why what it sends is dropped, like `clock_skew`. */
  reason: z.string().optional(),
  rehab_reason: z.string().optional(),
  last_seen: z.string().optional(),
  client_version: z.string().optional(),
  /** Messages that were dropped since the server started, and the last of them. */
  dropped: z.object({ count: z.number(), reason: z.string(), at: z.string() }).optional(),
});

/** The answer to `POST jobs`. */
export const jobCreatedSchema = z.object({ uri: z.string() });

/** The answer to `POST jobs` with `dry_run`: which nodes could take the job now. */
export const dryRunSchema = z.object({
  dry_run: z.literal(true),
  quorum: z.number(),
  quorum_reached: z.boolean(),
  nodes: z.object({
    available: z.array(z.string()),
    /** `busy`, or a reason as the details of a node have it. */
    unavailable: z.array(z.object({ node_name: z.string(), reason: z.string() })),
  }),
});

/** The answer of `/pushy/_status`. */
export const serverStatusSchema = z.object({
  status: z.string(),
  incarnation_id: z.string(),
  node_fsm_count: z.number(),
  job_processes: z.array(z.string()),
});

/** The answer of `/pushy/_health`. */
export const serverHealthSchema = z.object({
  live: z.boolean(),
  ready: z.boolean(),
  reasons: z.array(z.string()),
});

/** Either form of an error's body: a list from authentication and authorization, a plain text from validation. */
export const errorSchema = z.object({ error: z.union([z.string(), z.array(z.string())]) });

export type JobSummary = z.infer<typeof jobSummarySchema>;
export type Job = z.infer<typeof jobSchema>;
export type NodeAvailability = z.infer<typeof nodeAvailabilitySchema>;
export type JobNodeDetail = z.infer<typeof jobNodeDetailSchema>;
export type NodeState = z.infer<typeof nodeStateSchema>;
export type NodeDetail = z.infer<typeof nodeDetailSchema>;
export type JobCreated = z.infer<typeof jobCreatedSchema>;
export type DryRun = z.infer<typeof dryRunSchema>;
export type ServerStatus = z.infer<typeof serverStatusSchema>;
export type ServerHealth = z.infer<typeof serverHealthSchema>;

/** The largest number for `quorum` and `run_timeout`: what the database's columns hold. */
export const MAX_INT = 2 ** 31 - 1;

const wholeNumber = z.int().min(0).max(MAX_INT);

/** The form of the body of `POST jobs`, for the API document; what refuses a request, and how, is said elsewhere. */
export const jobRequestSchema = z.strictObject({
  command: z.string().describe('what the whitelist of each node knows it by'),
  nodes: z.array(z.string().min(1)).min(1),
  quorum: wholeNumber.optional().describe('how many nodes must vote yes; default: all'),
  run_timeout: wholeNumber.optional().describe('seconds'),
  user: z.string().optional().describe('whom the command runs as'),
  dir: z.string().optional().describe('where it runs'),
  env: z.record(z.string(), z.string()).optional(),
  file: z.string().optional().describe('raw:… or base64:…, at most 100,000 bytes'),
  capture_output: z.boolean().optional(),
  dry_run: z.boolean().optional().describe('only say which nodes could take the job now'),
});

/** The body of `POST jobs` (REST API, "POST jobs"); `file` is `raw:…` or `base64:…`, `run_timeout` is in seconds. */
export interface JobRequest {
  readonly command: string;
  readonly nodes: readonly string[];
  readonly quorum?: number;
  readonly run_timeout?: number;
  readonly user?: string;
  readonly dir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: string;
  readonly capture_output?: boolean;
  /** Only say which nodes could take the job now. */
  readonly dry_run?: boolean;
}
