import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { CachedChefDirectory } from '../../../../src/server/auth/cached-chef-directory.js';
import type { ChefDirectory } from '../../../../src/server/auth/chef-directory.port.js';
import { err, ok } from '../../../../src/shared/lib/result.js';

const { publicKey: key } = generateKeyPairSync('rsa', { modulusLength: 1024 });
const GROUP = { users: ['alice'], clients: [], groups: [] };

/** A directory that records its calls. */
class CountingDirectory implements ChefDirectory {
  readonly calls: string[] = [];
  principal: Awaited<ReturnType<ChefDirectory['principals']>> = ok([
    { name: 'alice', type: 'user', key, isMember: true },
  ]);
  members: Awaited<ReturnType<ChefDirectory['group']>> = ok(GROUP);

  principals(org: string, name: string): ReturnType<ChefDirectory['principals']> {
    this.calls.push(`principal ${org} ${name}`);
    return Promise.resolve(this.principal);
  }
  orgId(): ReturnType<ChefDirectory['orgId']> {
    return Promise.resolve(ok('a'.repeat(32)));
  }
  group(org: string, name: string): ReturnType<ChefDirectory['group']> {
    this.calls.push(`group ${org} ${name}`);
    return Promise.resolve(this.members);
  }
}

describe('CachedChefDirectory with a TTL of ten seconds', () => {
  let direct: CountingDirectory;
  let cached: CachedChefDirectory;
  let now: number;
  let ttlMs: number;
  beforeEach(() => {
    ttlMs = 10_000;
    direct = new CountingDirectory();
    now = 0;
    cached = new CachedChefDirectory(
      direct,
      () => ttlMs,
      3,
      () => now,
    );
  });

  it('loads once within the TTL, and again after it', async () => {
    expect(await cached.principals('acme', 'alice')).toBe(await cached.principals('acme', 'alice'));
    now = 9_999;
    await cached.principals('acme', 'alice');
    expect(direct.calls).toHaveLength(1);
    now = 10_000;
    await cached.principals('acme', 'alice');
    expect(direct.calls).toHaveLength(2);
  });

  it('applies a new TTL immediately, also to cached entries', async () => {
    await cached.principals('acme', 'alice');
    now = 5_000;
    ttlMs = 5_000;
    await cached.principals('acme', 'alice');
    expect(direct.calls).toHaveLength(2);
    ttlMs = 0;
    await cached.principals('acme', 'alice');
    await cached.principals('acme', 'alice');
    expect(direct.calls).toHaveLength(4);
    ttlMs = 10_000;
    await cached.principals('acme', 'alice');
    expect(direct.calls).toHaveLength(5);
  });

  it('caches each organization, name and kind separately', async () => {
    await cached.principals('acme', 'alice');
    await cached.principals('globex', 'alice');
    await cached.principals('acme', 'bob');
    await cached.group('acme', 'alice');
    expect(direct.calls).toEqual([
      'principal acme alice',
      'principal globex alice',
      'principal acme bob',
      'group acme alice',
    ]);
  });

  it('does not cache that a principal is unknown or Chef Server unavailable', async () => {
    direct.principal = err({ kind: 'unknown_principal' });
    direct.members = err({ kind: 'unavailable', reason: 'no connection' });
    for (let time = 0; time < 2; time++) {
      await cached.principals('acme', 'alice');
      await cached.group('acme', 'admins');
    }
    expect(direct.calls).toHaveLength(4);
  });

  it('caches that a group does not exist', async () => {
    direct.members = err({ kind: 'unknown_group' });
    await cached.group('acme', 'pushy_job_readers');
    await cached.group('acme', 'pushy_job_readers');
    expect(direct.calls).toHaveLength(1);
  });

  it('evicts the oldest entry above the limit', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await cached.principals('acme', name);
    await cached.principals('acme', 'd');
    expect(direct.calls).toHaveLength(4);
    await cached.principals('acme', 'a');
    expect(direct.calls).toHaveLength(5);
  });
});
