import { BadRequestException, HttpException, InternalServerErrorException } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { errorAnswer } from '../../../../src/server/http/error-answer.js';
import { RefusedRequest } from '../../../../src/server/http/refused-request.js';
import { AppError } from '../../../../src/shared/lib/app-error.js';

const coded = (code: string, statusCode: number): Error =>
  Object.assign(new Error(code), { code, statusCode });

describe('what is thrown while a request is served', () => {
  it('a refusal is answered as it is', () => {
    const refusal = { status: 401, error: ['who?'], headers: { 'WWW-Authenticate': 'X' } };
    expect(errorAnswer(new RefusedRequest(refusal))).toBe(refusal);
  });

  it.each<[string, unknown, unknown]>([
    ['an exception of Nest', new BadRequestException('odd'), { status: 400, error: ['odd'] }],
    [
      'a body that is too large',
      new HttpException('x', 413, { cause: coded('FST_ERR_CTP_BODY_TOO_LARGE', 413) }),
      { status: 413, error: 'JSON must be no more than 1000000 bytes.' },
    ],
    [
      'a broken path',
      coded('FST_ERR_BAD_URL', 400),
      { status: 400, error: ['the path is not a valid URL path'] },
    ],
    ['another fault of the sender', coded('FST_ERR_OTHER', 418), { status: 418, error: ['FST_ERR_OTHER'] }],
  ])('%s', (_what, thrown, answer) => {
    expect(errorAnswer(thrown)).toEqual(answer);
  });

  it('a database that is away is answered with when to try again, not with its own words', () => {
    const thrown = new AppError('database_unavailable', 'cannot use the database x at db1 as secret_user');
    expect(errorAnswer(thrown)).toEqual({
      status: 503,
      error: ['the database is not available at the moment; try again soon'],
      headers: { 'Retry-After': '5' },
    });
  });

  it('what was begun and is not stored yet is not told as if nothing had happened', () => {
    const thrown = new AppError('not_stored_yet', 'job 1 is ending, its end is not stored yet');
    expect(errorAnswer(thrown)).toEqual({
      status: 503,
      error: ['job 1 is ending, its end is not stored yet'],
      headers: { 'Retry-After': '5' },
    });
  });

  it.each<[string, unknown]>([
    ['a bug', new TypeError('x is not a function')],
    ['an error of ours', new AppError('code', 'text')],
    ['a fault of the server that says so', coded('FST_ERR_HANDLER_TIMEOUT', 503)],
    ['an exception of Nest for the server', new InternalServerErrorException('inside')],
    ['a status that is no error', coded('ODD', 200)],
    ['no error at all', 'text'],
    ['nothing', undefined],
    ['an object that looks like an error', { statusCode: 400, message: 'x' }],
  ])('%s is nobody else’s business', (_what, thrown) => {
    expect(errorAnswer(thrown)).toBeUndefined();
  });
});
