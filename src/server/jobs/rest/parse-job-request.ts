import type { z } from 'zod';
import { err, ok, type Result } from '../../../shared/lib/result.js';
import { type JobRequest, jobRequestSchema } from '../../../shared/protocol/job-request.js';
import { MAX_NODE_NAME_BYTES } from '../../../shared/protocol/node-address.js';
import { hasDuplicateKey } from './duplicate-key.js';

/** NUL, which PostgreSQL cannot store in a text, and unpaired surrogates, which UTF-8 cannot represent. */
const NOT_STORABLE = /[\0\p{Surrogate}]/u;

/** Parses the body of `POST jobs`; the error is a text for users. See docs/spec/rest-api.md, "POST jobs". */
export const parseJobRequest = (bytes: Uint8Array): Result<JobRequest, string> => {
  if (bytes.length === 0) return err('the body is empty: a JSON object with command and nodes is needed');
  let json: string;
  try {
    json = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return err('the body is not valid UTF-8');
  }
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch {
    return err('the body is not valid JSON');
  }
  const parsed = jobRequestSchema.safeParse(body);
  const issue = parsed.error && firstIssue(parsed.error.issues);
  if (issue !== undefined && issue.path[0] !== 'file') return err(issue.message);
  // A parsed object hides a duplicate key. Its error comes after those of `env`, and before those of `file`.
  if (hasEnv(body) && hasDuplicateKey(json, 'env')) return err('invalid environment value (duplicate key)');
  if (mayHaveDuplicateMember(json) && hasDuplicateKey(json))
    return err('invalid key supplied (duplicate key)');
  if (!parsed.success) return err(issue?.message ?? parsed.error.message);
  const fault = faultOfTexts(parsed.data);
  if (fault !== undefined) return err(fault);
  return ok(withQuorumOfDistinct(parsed.data, (body as JobRequest).nodes.length));
};

/**
 * A name that is given twice counts once, in the quorum too: knife counts what its user typed. A quorum that the distinct
 * nodes can reach stays, and so does one that no count of the names could reach.
 */
const withQuorumOfDistinct = (request: JobRequest, namesGiven: number): JobRequest => {
  const { nodes, quorum } = request;
  const duplicates = namesGiven - nodes.length;
  if (quorum === undefined || duplicates === 0) return request;
  return { ...request, quorum: Math.min(quorum, Math.max(nodes.length, quorum - duplicates)) };
};

/** zod reports unknown members last; users first get the faults of `command` and `nodes`, then unknown members. */
const firstIssue = (issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue | undefined =>
  issues.find(({ path: [member] }) => member === 'command' || member === 'nodes') ??
  issues.find(({ code }) => code === 'unrecognized_keys') ??
  issues[0];

const MEMBERS = Object.keys(jobRequestSchema.shape).map((name) => `"${name}"`);

/** Whether a member may occur twice. It is much faster than `hasDuplicateKey`, and true for some valid requests. */
const mayHaveDuplicateMember = (json: string): boolean =>
  json.includes(String.raw`\u`) || MEMBERS.some((name) => json.indexOf(name) !== json.lastIndexOf(name));

const hasEnv = (body: unknown): boolean => (body as Partial<JobRequest>).env !== undefined;

const faultOfTexts = ({ command, user, dir, file, nodes, env = {} }: JobRequest): string | undefined => {
  if (nodes.some((name) => Buffer.byteLength(name) > MAX_NODE_NAME_BYTES))
    return `invalid node name supplied (must be at most ${MAX_NODE_NAME_BYTES} bytes)`;
  const texts = [command, user, dir, file, ...nodes, ...Object.entries(env).flat()];
  const isStorable = texts.every((text) => text === undefined || !NOT_STORABLE.test(text));
  return isStorable ? undefined : 'invalid value supplied (NUL and unpaired surrogates are not allowed)';
};
