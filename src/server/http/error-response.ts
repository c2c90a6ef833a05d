import { HttpException } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AppError } from '../../shared/lib/app-error.js';
import { BODY_TOO_LARGE } from './limits.js';
import { type Rejection, RejectedRequest } from './rejected-request.js';

/** Our texts for Fastify's own errors, by code. */
const TEXTS: Readonly<Record<string, Rejection['error']>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: BODY_TOO_LARGE,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['Content-Type must be application/json'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['Content-Length does not match the body'],
  FST_ERR_BAD_URL: ['the path is not a valid URL path'],
  ECONNRESET: ['the request ended before its body did'],
};

/** Nothing was started, so the sender may retry. The error of the database is only logged. */
const UNAVAILABLE: Rejection = {
  status: 503,
  error: ['the database is not available at the moment; try again soon'],
  headers: { 'Retry-After': '5' },
};

/** Code of an AppError whose message tells the sender what was started but cannot be stored at the moment (503). */
export const NOT_STORED_YET = 'not_stored_yet';

const field = (value: unknown, name: 'code' | 'statusCode'): unknown =>
  typeof value === 'object' && value !== null ? (value as Partial<Record<string, unknown>>)[name] : undefined;

const isClientError = (status: unknown): status is number =>
  typeof status === 'number' && status >= 400 && status < 500;

/** Returns the rejection for an error thrown while a request was served; undefined for an internal error of the server. */
export const toRejection = (thrown: unknown): Rejection | undefined => {
  if (thrown instanceof RejectedRequest) return thrown.rejection;
  if (thrown instanceof AppError) {
    if (thrown.code === 'database_unavailable') return UNAVAILABLE;
    if (thrown.code === NOT_STORED_YET) return { ...UNAVAILABLE, error: [thrown.message] };
  }
  const origin = thrown instanceof HttpException ? (thrown.cause ?? thrown) : thrown;
  const status = thrown instanceof HttpException ? thrown.getStatus() : field(thrown, 'statusCode');
  if (!isClientError(status) || !(thrown instanceof Error)) return undefined;
  return { status, error: TEXTS[String(field(origin, 'code'))] ?? [thrown.message] };
};

/** Ends a request with a rejection, as JSON. */
export const sendRejection = (reply: FastifyReply, { status, error, headers = {} }: Rejection): void => {
  void reply
    .status(status)
    .headers(headers)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify({ error }));
};
