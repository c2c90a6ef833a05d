import type { FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import type { Protection, Refusal } from './auth.port.js';
import { refusals } from './refusals.js';

/** The refusal of a body that is not plain JSON; requests that need none are fine. */
export const refuseContentType = (
  request: FastifyRequest,
  { ignoresBody }: Protection,
): Refusal | undefined => {
  if (request.method !== 'POST' || ignoresBody) return undefined;
  if (request.mediaType !== 'application/json') return refusals.contentType(request.headers['content-type']);
  const encoding = request.headers['content-encoding'];
  return encoding === undefined || encoding === 'identity' ? undefined : refusals.contentEncoding(encoding);
};

/** The refusal of a request whose `Accept` leaves out what the route answers with. Who wants a feed must say so. */
export const refuseAccept = (
  request: FastifyRequest,
  produces: Protection['produces'],
): Refusal | undefined => {
  if (request.headers.accept === undefined && produces === 'text/event-stream') return refusals.noAccept();
  const isAccepted = new Negotiator(request).mediaType([produces]) !== undefined;
  return isAccepted ? undefined : refusals.accept(produces);
};
