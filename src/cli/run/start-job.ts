import { randomUUID } from 'node:crypto';
import { ApiError } from '../../shared/api-client/api-error.js';
import type { StartedJob } from '../../shared/api-client/push-jobs-client.js';
import type { Result } from '../../shared/lib/result.js';
import type { JobRequest } from '../../shared/protocol/job-request.js';
import type { CommandContext } from '../command-context.js';
import { printable } from '../output/printable.js';

/**
 * Starts a job and reports its ID. Throws an ApiError if the server rejects the job, `signal` is aborted, or the
 * response is lost; in the last case the message says that the job may have been started.
 */
export const startJob = async (
  context: CommandContext,
  request: JobRequest,
  signal: AbortSignal,
): Promise<StartedJob> => {
  const started = await startWithRetry(context, request, signal);
  if (!started.ok) throw explainLostResponse(context, started.error);
  context.report(`Started.  Job ID: ${printable(started.value.id)}`);
  return started.value;
};

/**
 * Repeats the request with the same idempotency key if the response was lost. An older server without idempotency keys
 * would start a second job; it rejects a dry run too, so a dry run is sent first to detect it.
 */
const startWithRetry = async (
  context: CommandContext,
  request: JobRequest,
  signal: AbortSignal,
): Promise<Result<StartedJob, ApiError>> => {
  const { client } = context;
  const options = { idempotencyKey: randomUUID(), signal };
  const first = await client.startJob(request, options);
  if (first.ok || !first.error.isResponseLost || signal.aborted) return first;
  context.report('The response was lost; asking the server whether the job was started.');
  const supportsIdempotencyKeys = (await client.dryRun(request, { signal })).ok;
  const second = supportsIdempotencyKeys ? await client.startJob(request, options) : first;
  return second.ok ? second : first;
};

const explainLostResponse = (context: CommandContext, error: ApiError): ApiError => {
  const { code, message, status, serverText, isResponseLost } = error;
  if (!isResponseLost) return error;
  const listCommand = context.suggestedCommand('job list --since 5m');
  const explanation = `it is unknown whether the job was started (to check, run: ${listCommand}): ${message}`;
  return new ApiError(code, explanation, status, serverText, isResponseLost);
};
