import { randomUUID } from 'node:crypto';
import { ApiError } from '../../shared/api-client/api-error.js';
import type { StartedJob } from '../../shared/api-client/push-jobs-client.js';
import type { Result } from '../../shared/lib/result.js';
import type { JobRequest } from '../../shared/protocol/rest-schemas.js';
import type { CommandContext } from '../command-context.js';
import { printable } from '../output/printable.js';

/**
 * Starts a job, and says so. Throws an ApiError where the server refuses, where `signal` ended the waiting, and where the
 * answer was lost for good; that says whether the job may run all the same.
 */
export const startJob = async (
  context: CommandContext,
  request: JobRequest,
  signal: AbortSignal,
): Promise<StartedJob> => {
  const started = await askAgainWhereLost(context, request, signal);
  if (!started.ok) throw explain(context, started.error);
  context.tell(`Started.  Job ID: ${printable(started.value.id)}`);
  return started.value;
};

/**
 * Asks once more where the answer was lost, with the key of the first time, by which a server knows what it has started
 * already. A server that knows no such keys would start a second job; but it knows no dry run either, and refuses that.
 */
const askAgainWhereLost = async (
  context: CommandContext,
  request: JobRequest,
  signal: AbortSignal,
): Promise<Result<StartedJob, ApiError>> => {
  const { client } = context;
  const options = { idempotencyKey: randomUUID(), signal };
  const first = await client.startJob(request, options);
  if (first.ok || !first.error.isAnswerLost || signal.aborted) return first;
  context.tell('The answer was lost; asking whether the job was started.');
  const knowsKeys = (await client.dryRun(request, { signal })).ok;
  const second = knowsKeys ? await client.startJob(request, options) : first;
  return second.ok ? second : first;
};

const explain = (context: CommandContext, error: ApiError): ApiError => {
  const { code, message, status, serverText, isAnswerLost } = error;
  if (!isAnswerLost) return error;
  const look = context.nextCommand('job list --since 5m');
  const unknown = `it is not known whether the job was started (${look} would show it): ${message}`;
  return new ApiError(code, unknown, status, serverText, isAnswerLost);
};
