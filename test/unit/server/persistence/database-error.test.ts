import { QueryFailedError } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src/shared/lib/app-error.js';
import { isBug, isPermanent, toDatabaseError } from '../../../../src/server/persistence/database-error.js';

const withCode = (code: string): Error => Object.assign(new Error('the reason'), { code });
const failedQuery = (code: string): Error => new QueryFailedError('SELECT hush', ['whisper'], withCode(code));
const TARGET = { where: 'db.example.com:5432', database: 'opscode_pushy', user: 'opscode_pushy' };

describe('a fault of the database', () => {
  it.each(['22021', '22P02', '23505', '23503', '54000'])('is permanent if the data are bad: %s', (code) => {
    expect(isPermanent(withCode(code))).toBe(true);
    expect(isPermanent(failedQuery(code))).toBe(true);
  });

  it.each([
    ...[
      '08006',
      '25006',
      '28P01',
      '3D000',
      '40P01',
      '42501',
      '53100',
      '53300',
      '57014',
      '57P01',
      '57P03',
      '58030',
    ],
    ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'],
  ])('is not permanent if an administrator can fix it: %s', (code) => {
    expect(isPermanent(withCode(code))).toBe(false);
    expect(isPermanent(failedQuery(code))).toBe(false);
  });

  it('is not permanent without a code', () => {
    expect(isPermanent(new Error('Connection terminated unexpectedly'))).toBe(false);
  });

  it('is a bug only if our own code is at fault, and then says nothing about the data', () => {
    const bug = new TypeError('x is not a function');
    expect(isBug(bug)).toBe(true);
    expect(isPermanent(bug)).toBe(false);
    expect(isBug(new Error('Connection terminated unexpectedly'))).toBe(false);
    expect(isBug(failedQuery('23505'))).toBe(false);
  });

  it.each([
    ['ECONNREFUSED', /is PostgreSQL running there/],
    ['28P01', /sql_password/],
    ['42501', /opscode-push-jobs-server-ctl upgrade/],
    ['53300', /max_connections/],
    ['XX000', /PostgreSQL's log/],
    ['EWHATEVER', /reachable/],
  ])('is reported with the database, the reason and what to check: %s', (code, advice) => {
    const error = toDatabaseError(failedQuery(code), TARGET);
    expect(error.code).toBe('database_unavailable');
    expect(error.message).toContain(
      'cannot use the database opscode_pushy at db.example.com:5432 as opscode_pushy: the reason; ',
    );
    expect(error.message).toMatch(advice);
    expect(error.message).not.toMatch(/hush|whisper/);
  });

  it.each([
    ['57014', false],
    ['40P01', false],
    ['57P01', true],
    ['08006', true],
    ['ECONNRESET', true],
  ])('reports whether a statement that was sent may have run: %s', (code, mayHaveRun) => {
    expect(toDatabaseError(failedQuery(code), TARGET, true)).toMatchObject({ mayHaveRun });
    expect(toDatabaseError(failedQuery(code), TARGET)).toMatchObject({ mayHaveRun: false });
  });

  it('stays the same if it is already an AppError', () => {
    const known = new AppError('database_not_ours', 'another table');
    expect(toDatabaseError(known, TARGET)).toBe(known);
  });
});
