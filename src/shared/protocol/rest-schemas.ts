import { z } from 'zod';
import { JOB_STATUS_CODES, NODE_STATUS_CODES, type JobStatus, type NodeStatus } from './job-status.js';

const names = <Name extends string>(codes: Record<Name, number>): [Name, ...Name[]] =>
  Object.keys(codes) as [Name, ...Name[]];

const jobStatus = z.enum(names<JobStatus>(JOB_STATUS_CODES));
const nodeStatus = z.enum(names<NodeStatus>(NODE_STATUS_CODES));

/**
 * A job as `GET jobs` lists it; dates are RFC 1123, `run_timeout` is in seconds.
 * See docs/spec/rest-api.md, "A job".
 */
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

/** A job node as `?details=true` shows it; unknown values are omitted. */
export const jobNodeDetailSchema = z.object({
  node_name: z.string(),
  status: nodeStatus,
  /** When it voted yes, when it started to run, and when it got its current status: ISO 8601. */
  ready_at: z.string().optional(),
  running_at: z.string().optional(),
  updated_at: z.string().optional(),
  exit_code: z.number().optional(),
  signal: z.string().optional(),
  duration_ms: z.number().optional(),
  /** Why it did not run, or not to the end. */
  reason: z.string().optional(),
  /** Since when the server has not heard its node, while the job node has not ended: ISO 8601. */
  no_contact_since: z.string().optional(),
  /** The result that its node reported after the job node had ended without contact; `at` is ISO 8601. */
  late_result: z
    .object({
      status: z.enum(['succeeded', 'failed']),
      exit_code: z.number().optional(),
      signal: z.string().optional(),
      at: z.string(),
    })
    .optional(),
});

/** A job as `GET jobs/ID` shows it, with its nodes by status; `details` only if requested. */
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

/** A node as `?details=true` shows it, with the reasons why it cannot take a job. Dates are ISO 8601. */
export const nodeDetailSchema = nodeStateSchema.extend({
  /** `never_seen`, `not_seen_since_restart`, `silent`, `rehab`, or why its messages are dropped, such as `clock_skew`. */
  reason: z.string().optional(),
  rehab_reason: z.string().optional(),
  last_seen: z.string().optional(),
  client_version: z.string().optional(),
  /** Number of dropped messages since the server started, and the last of them. */
  dropped: z.object({ count: z.number(), reason: z.string(), at: z.string() }).optional(),
});

/** The response to `POST jobs`. */
export const jobCreatedSchema = z.object({ uri: z.string() });

/** The response to `POST jobs` with `dry_run`: which nodes could take the job now. */
export const dryRunSchema = z.object({
  dry_run: z.literal(true),
  quorum: z.number(),
  quorum_reached: z.boolean(),
  nodes: z.object({
    available: z.array(z.string()),
    /** `busy`, or a `reason` of `nodeDetailSchema`. */
    unavailable: z.array(z.object({ node_name: z.string(), reason: z.string() })),
  }),
});

/** The response of `/pushy/_status`. */
export const serverStatusSchema = z.object({
  status: z.string(),
  incarnation_id: z.string(),
  node_fsm_count: z.number(),
  job_processes: z.array(z.string()),
});

/** The response of `/pushy/_health`. */
export const serverHealthSchema = z.object({
  live: z.boolean(),
  ready: z.boolean(),
  reasons: z.array(z.string()),
});

/** The body of an error: a list from authentication and authorization, a text from validation. */
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
