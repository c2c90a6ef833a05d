import { describe, expect, it } from 'vitest';
import { type LeaseConnection, standbysOf, standingAmong } from '../../../../ctl/lib/ha-role.js';
import { leaseName } from '../../../../src/server/persistence/lease-connections.js';

const OURS = leaseName(42, 'push2.example.com');
const THEIRS = leaseName(42, 'push1.example.com');

const connection = (name: string, more: Partial<LeaseConnection> = {}): LeaseConnection => ({
  name,
  holds: false,
  silent_ms: 100,
  ...more,
});

describe('a server that runs and does not answer', () => {
  it('stands by where another one, which has its process number on another machine, is active', () => {
    const connections = [connection(THEIRS, { holds: true }), connection(OURS)];
    expect(standingAmong(connections, OURS)).toEqual({ kind: 'stands by', activeHost: 'push1.example.com' });
  });

  it('stands by for an active server that is older and does not tell its machine', () => {
    const connections = [connection(OURS), connection('push-jobs-server lease', { holds: true })];
    expect(standingAmong(connections, OURS)).toEqual({ kind: 'stands by', activeHost: 'another machine' });
  });

  it('is about to take over where nobody is active', () => {
    expect(standingAmong([connection(OURS)], OURS)).toEqual({ kind: 'takes over' });
  });

  it('is at fault where it is the active one itself', () => {
    const connections = [connection(THEIRS), connection(OURS, { holds: true })];
    expect(standingAmong(connections, OURS)).toMatchObject({
      kind: 'silent',
      reason: expect.stringMatching(/is the active server/) as string,
    });
  });

  it('may stand by where the names of connections are dropped on the way to the database', () => {
    expect(standingAmong([connection('', { holds: true })], OURS)).toMatchObject({
      kind: 'unknown',
      reason: expect.stringMatching(/drops the names/) as string,
    });
  });

  it('is at fault where only others wait', () => {
    const connections = [connection(THEIRS, { holds: true }), connection(leaseName(43, 'push2.example.com'))];
    expect(standingAmong(connections, OURS)).toMatchObject({
      kind: 'silent',
      reason: expect.stringMatching(/no connection/) as string,
    });
  });

  it('is at fault where it waits, but has not asked for long: it would not take over', () => {
    const connections = [connection(THEIRS, { holds: true }), connection(OURS, { silent_ms: 9_000 })];
    expect(standingAmong(connections, OURS)).toMatchObject({
      kind: 'silent',
      reason: expect.stringMatching(/hangs: .* 9 s ago/) as string,
    });
  });
});

describe('the servers that would take over at once if this one ended', () => {
  it('are those that wait for it', () => {
    const connections = [connection(THEIRS), connection(OURS, { holds: true })];
    expect(standbysOf(connections, OURS)).toEqual(['push1.example.com']);
  });

  it('are none where it waits itself', () => {
    const connections = [connection(THEIRS, { holds: true }), connection(OURS)];
    expect(standbysOf(connections, OURS)).toEqual([]);
  });
});

it('a machine with a long name is known by what PostgreSQL keeps of it', () => {
  const name = leaseName(4_194_304, `${'long'.repeat(20)}.example.com`);
  expect(name).toHaveLength(63);
  expect(name).toMatch(/^push-jobs-server lease 4194304@long/);
});
