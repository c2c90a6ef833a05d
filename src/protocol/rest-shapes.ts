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

/** A job as `GET jobs/ID` shows it: with its nodes by status. */
export const jobSchema = jobSummarySchema.extend({ nodes: z.partialRecord(nodeStatus, z.array(z.string())) });

/** A node as `GET node_states` lists it. */
export const nodeAvailabilitySchema = z.object({
  node_name: z.string(),
  availability: z.enum(['available', 'unavailable']),
});

/** A node as `GET node_states/NODE` shows it. */
export const nodeStateSchema = nodeAvailabilitySchema.extend({ status: z.enum(['online', 'offline']) });

/** The answer to `POST jobs`. */
export const jobCreatedSchema = z.object({ uri: z.string() });

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
export type NodeState = z.infer<typeof nodeStateSchema>;
export type JobCreated = z.infer<typeof jobCreatedSchema>;
export type ServerStatus = z.infer<typeof serverStatusSchema>;
export type ServerHealth = z.infer<typeof serverHealthSchema>;

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
}
