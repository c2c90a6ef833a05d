import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { CachedChefDirectory } from '../../../../src/server/auth/cached-chef-directory.js';
import type { ChefDirectory } from '../../../../src/server/auth/chef-directory.port.js';
import { err, ok } from '../../../../src/shared/lib/result.js';

const { publicKey: key } = generateKeyPairSync('rsa', { modulusLength: 1024 });
const GROUP = { users: ['alice'], clients: [], groups: [] };

/** A directory that counts what it is asked; `answers` may be changed by the test. */
class CountingDirectory implements ChefDirectory {
  readonly asked: string[] = [];
  principal: Awaited<ReturnType<ChefDirectory['principals']>> = ok([
    { name: 'alice', type: 'user', key, isMember: true },
  ]);
  members: Awaited<ReturnType<ChefDirectory['group']>> = ok(GROUP);

  principals(org: string, name: string): ReturnType<ChefDirectory['principals']> {
    this.asked.push(`principal ${org} ${name}`);
    return Promise.resolve(this.principal);
  }
  orgId(): ReturnType<ChefDirectory['orgId']> {
    return Promise.resolve(ok('a'.repeat(32)));
  }
  group(org: string, name: string): ReturnType<ChefDirectory['group']> {
    this.asked.push(`group ${org} ${name}`);
    return Promise.resolve(this.members);
  }
}

describe('a directory that remembers for ten seconds', () => {
  let behind: CountingDirectory;
  let cached: CachedChefDirectory;
  let now: number;
  let keepMs: number;
  beforeEach(() => {
    keepMs = 10_000;
    behind = new CountingDirectory();
    now = 0;
    cached = new CachedChefDirectory(
      behind,
      () => keepMs,
      3,
      () => now,
    );
  });

  it('asks once in that time, and again after it', async () => {
    expect(await cached.principals('acme', 'alice')).toBe(await cached.principals('acme', 'alice'));
    now = 9_999;
    await cached.principals('acme', 'alice');
    expect(behind.asked).toHaveLength(1);
    now = 10_000;
    await cached.principals('acme', 'alice');
    expect(behind.asked).toHaveLength(2);
  });

  it('remembers for another time from now on, when that is changed', async () => {
    await cached.principals('acme', 'alice');
    now = 5_000;
    keepMs = 5_000;
    await cached.principals('acme', 'alice');
    expect(behind.asked).toHaveLength(2);
    keepMs = 0;
    await cached.principals('acme', 'alice');
    await cached.principals('acme', 'alice');
    expect(behind.asked).toHaveLength(4);
    keepMs = 10_000;
    await cached.principals('acme', 'alice');
    expect(behind.asked).toHaveLength(5);
  });

  it('keeps organizations, names and kinds apart', async () => {
    await cached.principals('acme', 'alice');
    await cached.principals('globex', 'alice');
    await cached.principals('acme', 'bob');
    await cached.group('acme', 'alice');
    expect(behind.asked).toEqual([
      'principal acme alice',
      'principal globex alice',
      'principal acme bob',
      'group acme alice',
    ]);
  });

  it('does not remember that somebody is unknown, or that there was no answer', async () => {
    behind.principal = err({ kind: 'unknown_principal' });
    behind.members = err({ kind: 'unavailable', reason: 'no connection' });
    for (let time = 0; time < 2; time++) {
      await cached.principals('acme', 'alice');
      await cached.group('acme', 'admins');
    }
    expect(behind.asked).toHaveLength(4);
  });

  it('remembers that there is no such group', async () => {
    behind.members = err({ kind: 'unknown_group' });
    await cached.group('acme', 'pushy_job_readers');
    await cached.group('acme', 'pushy_job_readers');
    expect(behind.asked).toHaveLength(1);
  });

  it('never keeps more than so many answers', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await cached.principals('acme', name);
    await cached.principals('acme', 'd');
    expect(behind.asked).toHaveLength(4);
    await cached.principals('acme', 'a');
    expect(behind.asked).toHaveLength(5);
  });
});
