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

/** A directory of these groups that counts how often each was asked for. */
const directoryOf = (groups: Groups) => {
  const asked: string[] = [];
  const group: ChefDirectory['group'] = (_org, name) => {
    asked.push(name);
    const found = groups[name] ?? 'unknown_group';
    if (found === 'unknown_group') return Promise.resolve(err({ kind: found }));
    if (typeof found === 'string') return Promise.resolve(err({ kind: found, reason: 'gone' }));
    return Promise.resolve(ok({ users: [], clients: [], groups: [], ...found }));
  };
  return { asked, group };
};

const judge = (groups: Groups, member = ALICE) =>
  isInGroup(directoryOf(groups), 'acme', 'top', member, 60_000);

describe('whether somebody is in a group', () => {
  it.each<[string, Groups, boolean | undefined]>([
    ['directly', { top: { users: ['alice'] } }, true],
    ['not', { top: { users: ['bob'] } }, false],
    ['as a client of the same name only', { top: { clients: ['alice'] } }, false],
    [
      'through a nested group',
      { top: { groups: ['a'] }, a: { groups: ['b'] }, b: { users: ['alice'] } },
      true,
    ],
    ['through a circle that they are not in', { top: { groups: ['a'] }, a: { groups: ['top', 'a'] } }, false],
    ['no such group', {}, undefined],
    ['a nested group that is gone', { top: { groups: ['gone'] } }, false],
    ['a group that is not shown', { top: 'refused' }, false],
    [
      'a nested group that is not shown, and another',
      { top: { groups: ['x', 'a'] }, x: 'refused', a: { users: ['alice'] } },
      true,
    ],
    [
      'beside a group that is not to be had',
      { top: { groups: ['x', 'a'] }, x: 'unavailable', a: { users: ['alice'] } },
      true,
    ],
  ])('%s', async (_how, groups, expected) => {
    expect(await judge(groups)).toEqual(ok(expected));
  });

  it('a client is looked for among the clients', async () => {
    expect(await judge({ top: { clients: ['web1'] } }, { name: 'web1', type: 'client' })).toEqual(ok(true));
  });

  it.each<[string, Groups]>([
    ['the group', { top: 'unavailable' }],
    ['a nested group', { top: { groups: ['x'] }, x: 'unavailable' }],
  ])('cannot be said where %s is not to be had', async (_which, groups) => {
    expect(await judge(groups)).toEqual(err({ kind: 'unavailable', reason: 'gone' }));
  });

  it('cannot be said where it takes too long', async () => {
    const { group } = directoryOf({ top: { groups: ['a'] }, a: {} });
    expect(await isInGroup({ group }, 'acme', 'top', ALICE, -1)).toMatchObject({
      error: { reason: 'no answer in time' },
    });
  });

  it('any graph of groups is walked to its end, each group asked for once, as reachability says', async () => {
    const name = fc.constantFrom('top', 'a', 'b', 'c', 'd', 'e');
    const graph = fc.dictionary(
      name,
      fc.record({ users: fc.subarray(['alice', 'bob']), groups: fc.array(name, { maxLength: 5 }) }),
    );
    await fc.assert(
      fc.asyncProperty(graph, async (groups) => {
        const directory = directoryOf(groups);
        const answer = await isInGroup(directory, 'acme', 'top', ALICE, 60_000);
        expect(new Set(directory.asked).size).toBe(directory.asked.length);
        const reachable = new Set(['top']);
        for (const one of reachable) for (const next of groups[one]?.groups ?? []) reachable.add(next);
        const isMember = [...reachable].some((one) => groups[one]?.users.includes('alice') === true);
        expect(answer).toEqual(ok(groups.top === undefined ? undefined : isMember));
      }),
    );
  });
});
