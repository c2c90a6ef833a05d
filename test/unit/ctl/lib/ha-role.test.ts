import { describe, expect, it } from 'vitest';
import { type LeaseConnection, standbysOf, haRoleIn } from '../../../../ctl/lib/ha-role.js';
import { leaseName } from '../../../../src/server/persistence/lease-connections.js';

const OURS = leaseName(42, 'push2.example.com');
const THEIRS = leaseName(42, 'push1.example.com');

const connection = (name: string, more: Partial<LeaseConnection> = {}): LeaseConnection => ({
  name,
  holds: false,
  silent_ms: 100,
  ...more,
});

describe('a server that runs and does not respond', () => {
  it('is a standby if a server with the same process id on another machine is active', () => {
    const connections = [connection(THEIRS, { holds: true }), connection(OURS)];
    expect(haRoleIn(connections, OURS)).toEqual({ kind: 'standby', activeHost: 'push1.example.com' });
  });

  it('is a standby of an older active server that does not name its host', () => {
    const connections = [connection(OURS), connection('push-jobs-server lease', { holds: true })];
    expect(haRoleIn(connections, OURS)).toEqual({ kind: 'standby', activeHost: 'another machine' });
  });

  it('takes over if no server is active', () => {
    expect(haRoleIn([connection(OURS)], OURS)).toEqual({ kind: 'taking-over' });
  });

  it('is silent if it is the active server itself', () => {
    const connections = [connection(THEIRS), connection(OURS, { holds: true })];
    expect(haRoleIn(connections, OURS)).toMatchObject({
      kind: 'silent',
      reason: expect.stringMatching(/is the active server/) as string,
    });
  });

  it('is unknown if a proxy drops the names of connections', () => {
    expect(haRoleIn([connection('', { holds: true })], OURS)).toMatchObject({
      kind: 'unknown',
      reason: expect.stringMatching(/drops the names/) as string,
    });
  });

  it('is silent if only other servers wait', () => {
    const connections = [connection(THEIRS, { holds: true }), connection(leaseName(43, 'push2.example.com'))];
    expect(haRoleIn(connections, OURS)).toMatchObject({
      kind: 'silent',
      reason: expect.stringMatching(/no connection/) as string,
    });
  });

  it('is silent if it waits but has not tried to get the lease for long', () => {
    const connections = [connection(THEIRS, { holds: true }), connection(OURS, { silent_ms: 9_000 })];
    expect(haRoleIn(connections, OURS)).toMatchObject({
      kind: 'silent',
      reason: expect.stringMatching(/hangs: .* 9 s ago/) as string,
    });
  });
});

describe('the standbys of a server', () => {
  it('are the servers that wait for it', () => {
    const connections = [connection(THEIRS), connection(OURS, { holds: true })];
    expect(standbysOf(connections, OURS)).toEqual(['push1.example.com']);
  });

  it('are none if it is a standby itself', () => {
    const connections = [connection(THEIRS, { holds: true }), connection(OURS)];
    expect(standbysOf(connections, OURS)).toEqual([]);
  });
});

it('finds a host with a long name by the part that PostgreSQL keeps', () => {
  const name = leaseName(4_194_304, `${'long'.repeat(20)}.example.com`);
  expect(name).toHaveLength(63);
  expect(name).toMatch(/^push-jobs-server lease 4194304@long/);
});
