import { HttpException } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AppError } from '../../shared/lib/app-error.js';
import { BODY_TOO_LARGE } from './limits.js';
import { type Refusal, RefusedRequest } from './refused-request.js';

/** Fastify's own errors that the sender gets another text for, by their code. */
const TEXTS: Readonly<Record<string, Refusal['error']>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: BODY_TOO_LARGE,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['Content-Type must be application/json'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['Content-Length does not match the body'],
  FST_ERR_BAD_URL: ['the path is not a valid URL path'],
  ECONNRESET: ['the request ended before its body did'],
};

/** Nothing was begun: the sender may try again. The database's own words are for the log. */
const UNAVAILABLE: Refusal = {
  status: 503,
  error: ['the database is not available at the moment; try again soon'],
  headers: { 'Retry-After': '5' },
};

/** Code of an AppError that says, in words for the sender, what was begun and is not stored while the database is away. */
export const NOT_STORED_YET = 'not_stored_yet';

const field = (value: unknown, name: 'code' | 'statusCode'): unknown =>
  typeof value === 'object' && value !== null ? (value as Partial<Record<string, unknown>>)[name] : undefined;

const isSendersFault = (status: unknown): status is number =>
  typeof status === 'number' && status >= 400 && status < 500;

/**
 * The answer to whatever was thrown while a request was served; undefined where it is a fault of the server, of which
 * the sender learns nothing.
 */
export const errorAnswer = (thrown: unknown): Refusal | undefined => {
  if (thrown instanceof RefusedRequest) return thrown.refusal;
  if (thrown instanceof AppError) {
    if (thrown.code === 'database_unavailable') return UNAVAILABLE;
    if (thrown.code === NOT_STORED_YET) return { ...UNAVAILABLE, error: [thrown.message] };
  }
  const origin = thrown instanceof HttpException ? (thrown.cause ?? thrown) : thrown;
  const status = thrown instanceof HttpException ? thrown.getStatus() : field(thrown, 'statusCode');
  if (!isSendersFault(status) || !(thrown instanceof Error)) return undefined;
  return { status, error: TEXTS[String(field(origin, 'code'))] ?? [thrown.message] };
};

/** Ends a request with a refusal, as JSON. */
export const sendRefusal = (reply: FastifyReply, { status, error, headers = {} }: Refusal): void => {
  void reply
    .status(status)
    .headers(headers)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify({ error }));
};
