import { describe, expect, it } from 'vitest';
import { AppError, messageOf } from '../../../../src/shared/lib/app-error.js';

describe('messageOf', () => {
  it('is the message of an error, never its stack', () => {
    expect(messageOf(new Error('no such file'))).toBe('no such file');
  });

  it('adds all causes', () => {
    const refused = new Error('connect ECONNREFUSED 127.0.0.1:5432');
    const away = new Error('the database is away', { cause: refused });
    expect(messageOf(new AppError('not_stored', 'the job was not stored', { cause: away }))).toBe(
      'the job was not stored (the database is away (connect ECONNREFUSED 127.0.0.1:5432))',
    );
  });

  it('joins the messages of an AggregateError without a message', () => {
    const several = new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')]);
    expect(messageOf(several)).toBe('::1 refused, 127.0.0.1 refused');
    expect(messageOf(new AggregateError([new Error('hidden')], 'all attempts failed'))).toBe(
      'all attempts failed',
    );
  });

  it('is the name of an error without a message', () => {
    expect(messageOf(new TypeError())).toBe('TypeError');
    expect(messageOf(new AggregateError([]))).toBe('AggregateError');
  });

  it.each([
    ['a text', 'a text'],
    [42, '42'],
    [undefined, 'undefined'],
    [null, 'null'],
  ])('is the text of a thrown value that is not an error (%s)', (thrown, text) => {
    expect(messageOf(thrown)).toBe(text);
  });
});
