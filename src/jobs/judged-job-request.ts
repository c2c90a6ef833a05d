import type { FastifyRequest } from 'fastify';
import type { Refusal } from '../auth/auth.port.js';
import type { JobRequest } from '../protocol/rest-shapes.js';
import { readJobRequest } from './domain/job-request.js';

const judged = new WeakMap<FastifyRequest, JobRequest>();

/** Judges the body of `POST jobs` before it is known who sent it; what it asks for is kept for the handler. */
export const judgeJobRequest = (request: FastifyRequest): Refusal | undefined => {
  const read = readJobRequest(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
  if (!read.ok) return { status: 400, error: read.error };
  judged.set(request, read.value);
  return undefined;
};

/** The job request that was judged before. */
export const judgedJobRequest = (request: FastifyRequest): JobRequest => {
  const jobRequest = judged.get(request);
  if (jobRequest === undefined) throw new Error('the request was not judged before its handler');
  return jobRequest;
};
