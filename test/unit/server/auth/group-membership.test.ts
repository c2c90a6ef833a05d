import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  ChefDirectory,
  ChefGroup,
  NoGroup,
  Unavailable,
} from '../../../../src/server/auth/chef-directory.port.js';
import { isInGroup, type Member } from '../../../../src/server/auth/group-membership.js';
import { err, ok } from '../../../../src/shared/lib/result.js';

const ALICE: Member = { name: 'alice', type: 'user' };

type Groups = Record<string, Partial<ChefGroup> | NoGroup['kind'] | Unavailable['kind']>;

/** A directory with these groups that records its calls. */
const directoryOf = (groups: Groups) => {
  const calls: string[] = [];
  const group: ChefDirectory['group'] = (_org, name) => {
    calls.push(name);
    const found = groups[name] ?? 'unknown_group';
    if (found === 'unknown_group') return Promise.resolve(err({ kind: found }));
    if (typeof found === 'string') return Promise.resolve(err({ kind: found, reason: 'gone' }));
    return Promise.resolve(ok({ users: [], clients: [], groups: [], ...found }));
  };
  return { calls, group };
};

const check = (groups: Groups, member = ALICE) =>
  isInGroup(directoryOf(groups), 'acme', 'top', member, 60_000);

describe('isInGroup', () => {
  it.each<[string, Groups, boolean | undefined]>([
    ['a direct member', { top: { users: ['alice'] } }, true],
    ['no member', { top: { users: ['bob'] } }, false],
    ['a client of the same name', { top: { clients: ['alice'] } }, false],
    [
      'a member of a nested group',
      { top: { groups: ['a'] }, a: { groups: ['b'] }, b: { users: ['alice'] } },
      true,
    ],
    ['no member of a cycle of groups', { top: { groups: ['a'] }, a: { groups: ['top', 'a'] } }, false],
    ['a group that does not exist', {}, undefined],
    ['a nested group that does not exist', { top: { groups: ['gone'] } }, false],
    ['a group that is not shown', { top: 'refused' }, false],
    [
      'a member of a nested group beside one that is not shown',
      { top: { groups: ['x', 'a'] }, x: 'refused', a: { users: ['alice'] } },
      true,
    ],
    [
      'a member of a nested group beside one that is unavailable',
      { top: { groups: ['x', 'a'] }, x: 'unavailable', a: { users: ['alice'] } },
      true,
    ],
  ])('%s', async (_how, groups, expected) => {
    expect(await check(groups)).toEqual(ok(expected));
  });

  it('looks for a client among the clients of a group', async () => {
    expect(await check({ top: { clients: ['web1'] } }, { name: 'web1', type: 'client' })).toEqual(ok(true));
  });

  it.each<[string, Groups]>([
    ['the group', { top: 'unavailable' }],
    ['a nested group', { top: { groups: ['x'] }, x: 'unavailable' }],
  ])('returns unavailable if %s is unavailable', async (_which, groups) => {
    expect(await check(groups)).toEqual(err({ kind: 'unavailable', reason: 'gone' }));
  });

  it('returns unavailable after the timeout', async () => {
    const { group } = directoryOf({ top: { groups: ['a'] }, a: {} });
    expect(await isInGroup({ group }, 'acme', 'top', ALICE, -1)).toMatchObject({
      error: { reason: 'no answer in time' },
    });
  });

  it('finds exactly the members of reachable groups in any graph, and requests each group once', async () => {
    const name = fc.constantFrom('top', 'a', 'b', 'c', 'd', 'e');
    const graph = fc.dictionary(
      name,
      fc.record({ users: fc.subarray(['alice', 'bob']), groups: fc.array(name, { maxLength: 5 }) }),
    );
    await fc.assert(
      fc.asyncProperty(graph, async (groups) => {
        const directory = directoryOf(groups);
        const result = await isInGroup(directory, 'acme', 'top', ALICE, 60_000);
        expect(new Set(directory.calls).size).toBe(directory.calls.length);
        const reachable = new Set(['top']);
        for (const one of reachable) for (const next of groups[one]?.groups ?? []) reachable.add(next);
        const isMember = [...reachable].some((one) => groups[one]?.users.includes('alice') === true);
        expect(result).toEqual(ok(groups.top === undefined ? undefined : isMember));
      }),
    );
  });
});
