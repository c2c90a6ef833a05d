import { BadRequestException, HttpException, InternalServerErrorException } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { toRejection } from '../../../../src/server/http/error-response.js';
import { RejectedRequest } from '../../../../src/server/http/rejected-request.js';
import { AppError } from '../../../../src/shared/lib/app-error.js';

const coded = (code: string, statusCode: number): Error =>
  Object.assign(new Error(code), { code, statusCode });

describe('an error thrown while a request is served', () => {
  it('becomes its own rejection if it is a RejectedRequest', () => {
    const rejection = { status: 401, error: ['who?'], headers: { 'WWW-Authenticate': 'X' } };
    expect(toRejection(new RejectedRequest(rejection))).toBe(rejection);
  });

  it.each<[string, unknown, unknown]>([
    ['an exception of Nest', new BadRequestException('odd'), { status: 400, error: ['odd'] }],
    [
      'a body that is too large',
      new HttpException('x', 413, { cause: coded('FST_ERR_CTP_BODY_TOO_LARGE', 413) }),
      { status: 413, error: 'JSON must be no more than 1000000 bytes.' },
    ],
    [
      'an invalid path',
      coded('FST_ERR_BAD_URL', 400),
      { status: 400, error: ['the path is not a valid URL path'] },
    ],
    [
      'another client error of Fastify',
      coded('FST_ERR_OTHER', 418),
      { status: 418, error: ['FST_ERR_OTHER'] },
    ],
  ])('becomes a 4xx rejection: %s', (_what, thrown, rejection) => {
    expect(toRejection(thrown)).toEqual(rejection);
  });

  it('becomes 503 with Retry-After and without the text of the error if the database is unavailable', () => {
    const thrown = new AppError('database_unavailable', 'cannot use the database x at db1 as secret_user');
    expect(toRejection(thrown)).toEqual({
      status: 503,
      error: ['the database is not available at the moment; try again soon'],
      headers: { 'Retry-After': '5' },
    });
  });

  it('becomes 503 with its own text if something was started but is not stored yet', () => {
    const thrown = new AppError('not_stored_yet', 'job 1 is ending, its end is not stored yet');
    expect(toRejection(thrown)).toEqual({
      status: 503,
      error: ['job 1 is ending, its end is not stored yet'],
      headers: { 'Retry-After': '5' },
    });
  });

  it.each<[string, unknown]>([
    ['a bug', new TypeError('x is not a function')],
    ['an AppError', new AppError('code', 'text')],
    ['a server error of Fastify', coded('FST_ERR_HANDLER_TIMEOUT', 503)],
    ['a server error of Nest', new InternalServerErrorException('inside')],
    ['a status that is not an error', coded('ODD', 200)],
    ['a string', 'text'],
    ['undefined', undefined],
    ['an object that looks like an error', { statusCode: 400, message: 'x' }],
  ])('is not shown to the sender: %s', (_what, thrown) => {
    expect(toRejection(thrown)).toBeUndefined();
  });
});
