import { err, ok, type Result } from '../../shared/lib/result.js';
import type { ChefDirectory, ChefGroup, Unavailable } from './chef-directory.port.js';

/** The principal whose membership is checked. */
export interface Member {
  readonly name: string;
  readonly type: 'user' | 'client';
}

/**
 * Returns whether a principal is in a group, directly or through nested groups; undefined if the organization has no such
 * group. A group that Chef Server does not show, or a nested group that does not exist, has no members. Returns
 * `unavailable` after `timeoutMs`. Each group is requested once, so cycles of nested groups end.
 */
export const isInGroup = async (
  directory: Pick<ChefDirectory, 'group'>,
  org: string,
  group: string,
  member: Member,
  timeoutMs: number,
): Promise<Result<boolean | undefined, Unavailable>> => {
  const deadline = performance.now() + timeoutMs;
  const seen = new Set([group]);
  for (let level = [group]; level.length > 0;) {
    if (performance.now() > deadline) return err({ kind: 'unavailable', reason: 'no answer in time' });
    const responses = await Promise.all(level.map((name) => directory.group(org, name)));
    if (level[0] === group && isUnknown(responses[0])) return ok(undefined);

    const groups = responses.flatMap((response) => (response.ok ? [response.value] : []));
    const membersOf = (each: ChefGroup) => (member.type === 'user' ? each.users : each.clients);
    if (groups.some((each) => membersOf(each).includes(member.name))) return ok(true);
    const fault = responses.map(unavailableFault).find((each) => each !== undefined);
    if (fault !== undefined) return err(fault);

    level = [...new Set(groups.flatMap((each) => each.groups))].filter((name) => !seen.has(name));
    for (const name of level) seen.add(name);
  }
  return ok(false);
};

type GroupResponse = Awaited<ReturnType<ChefDirectory['group']>>;

const isUnknown = (response: GroupResponse | undefined): boolean =>
  response?.ok === false && response.error.kind === 'unknown_group';

const unavailableFault = (response: GroupResponse): Unavailable | undefined =>
  !response.ok && response.error.kind === 'unavailable' ? response.error : undefined;
