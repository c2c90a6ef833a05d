import type { Job } from '../../../src/shared/api-client/push-jobs-client.js';
import { isJobOver, type JobStatus, type NodeStatus } from '../../../src/shared/protocol/job-status.js';
import type { JobRecord } from './job-record.js';

/** What is known at the end of a run. */
export interface Evidence {
  readonly records: readonly JobRecord[];
  /** The jobs as the server shows them, with details, by id. */
  readonly jobs: ReadonlyMap<string, Job>;
  /** The status of each job node in the database, by job id, then by node. */
  readonly stored: ReadonlyMap<string, ReadonlyMap<string, NodeStatus>>;
  /** Commands of all jobs that the server lists. */
  readonly listed: readonly string[];
  /** Lines `begin JOB NODE …` and `end JOB NODE …`. */
  readonly commandLog: readonly string[];
  /** A job has ended this many milliseconds after it was accepted. */
  readonly limitMs: number;
}

/** Lines that describe each violation of a promise; `late` is allowed, the others are not. */
export interface Verdict {
  /** Commands that began more than once for a job node, and starts that made several jobs. */
  readonly doubled: string[];
  /** Accepted jobs that are missing or have other nodes. */
  readonly lost: string[];
  /** Jobs that did not end in time. */
  readonly stuck: string[];
  /** Commands that ended with 0 whose job node is neither `succeeded` nor has a late result. */
  readonly withoutResult: string[];
  /** Commands that began and never ended. */
  readonly killed: string[];
  /** What REST, database, commands and earlier answers say about a job node is not the same. */
  readonly contradictory: string[];
  /** Requests that were refused for good. */
  readonly refused: string[];
  /** Commands that ended with 0 whose job node was written off before, and has the result as a late one. */
  readonly late: string[];
}

/** Names of the violations: any of them fails the run. */
export const VIOLATIONS = [
  'doubled',
  'lost',
  'stuck',
  'withoutResult',
  'killed',
  'contradictory',
  'refused',
] as const satisfies (keyof Verdict)[];

/** Compares what the users started, what the commands wrote, and what server and database say. */
export const judge = (evidence: Evidence): Verdict => {
  const commands = readCommandLog(evidence.commandLog);
  const verdict: Verdict = {
    doubled: [],
    lost: [],
    stuck: [],
    withoutResult: [],
    killed: [],
    contradictory: [],
    refused: [],
    late: [],
  };
  for (const record of evidence.records) judgeRecord(record, evidence, commands, verdict);
  for (const [command, count] of countOf(evidence.listed)) {
    if (count > 1) verdict.doubled.push(`${command}: ${count} jobs for one start`);
  }
  for (const [key, { begins }] of commands) {
    if (begins > 1) verdict.doubled.push(`${key}: its command began ${begins} times`);
  }
  return verdict;
};

/** How often a command began and ended, by `JOB NODE`. */
type Commands = ReadonlyMap<string, { begins: number; ends: number }>;

const readCommandLog = (lines: readonly string[]): Commands => {
  const commands = new Map<string, { begins: number; ends: number }>();
  for (const line of lines) {
    const [event, job = '', node = ''] = line.split(' ');
    const command = commands.get(`${job} ${node}`) ?? { begins: 0, ends: 0 };
    commands.set(`${job} ${node}`, command);
    if (event === 'begin') command.begins++;
    else command.ends++;
  }
  return commands;
};

const countOf = (texts: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
};

const judgeRecord = (
  record: JobRecord,
  { jobs, stored, limitMs }: Evidence,
  commands: Commands,
  verdict: Verdict,
): void => {
  const { id, command, refusal } = record;
  if (refusal !== undefined) verdict.refused.push(`${command}: ${refusal}`);
  if (id === undefined) return;
  const job = jobs.get(id);
  const name = `${id} (${command})`;
  if (job === undefined) {
    verdict.lost.push(`${name}: not found`);
    return;
  }
  const statuses = statusesOf(job);
  const expected = [...record.nodes].sort().join();
  const shown = [...statuses.keys()].sort().join();
  if (expected !== shown || job.command !== command) {
    verdict.lost.push(`${name}: has the nodes ${shown} and the command ${job.command}, not ${expected}`);
  }
  const tookMs = Date.parse(job.updated_at) - Date.parse(job.created_at);
  if (!isJobOver(job.status)) verdict.stuck.push(`${name}: is still ${job.status}`);
  else if (tookMs > limitMs) verdict.stuck.push(`${name}: ended as ${job.status} after ${tookMs} ms`);
  contradictJob(name, record.seenOfJob, job.status, verdict);
  for (const [node, status] of statuses) {
    const all = [...(record.seen.get(node) ?? []), status];
    if (new Set(all).size > 1)
      verdict.contradictory.push(`${name} ${node}: was shown as ${all.join(', then ')}`);
    const inDatabase = stored.get(id)?.get(node);
    if (inDatabase !== status) {
      verdict.contradictory.push(`${name} ${node}: ${status}, in the database ${inDatabase ?? 'missing'}`);
    }
    judgeCommand(`${name} ${node}`, status, job, node, commands.get(`${id} ${node}`), verdict);
  }
};

const contradictJob = (name: string, seen: readonly JobStatus[], now: JobStatus, verdict: Verdict): void => {
  const all = [...seen, now];
  if (new Set(all).size > 1) verdict.contradictory.push(`${name}: was shown as ${all.join(', then ')}`);
};

const judgeCommand = (
  name: string,
  status: NodeStatus,
  job: Job,
  node: string,
  command: { begins: number; ends: number } | undefined,
  verdict: Verdict,
): void => {
  const hasEnded = command !== undefined && command.ends > 0;
  if (!hasEnded && status === 'succeeded') verdict.contradictory.push(`${name}: succeeded, but did not end`);
  if (command === undefined) return;
  const detail: { readonly reason?: string | undefined; readonly late_result?: unknown } | undefined =
    job.details?.nodes.find(({ node_name }) => node_name === node);
  const shown = `${status}${detail?.reason === undefined ? '' : `: ${detail.reason}`}`;
  if (!hasEnded) verdict.killed.push(`${name}: began, never ended, and is ${shown}`);
  else if (status !== 'succeeded' && detail?.late_result !== undefined)
    verdict.late.push(`${name}: ${shown}`);
  else if (status !== 'succeeded') verdict.withoutResult.push(`${name}: ended, and is ${shown}`);
};

const statusesOf = (job: Job): Map<string, NodeStatus> => {
  const statuses = new Map<string, NodeStatus>();
  for (const [status, nodes] of Object.entries(job.nodes) as [NodeStatus, string[]][]) {
    for (const node of nodes) statuses.set(node, status);
  }
  return statuses;
};
