import { err, ok, type Result } from '../../shared/lib/result.js';
import type { ChefDirectory, Unavailable } from './chef-directory.port.js';

/** Whose membership is asked for. */
export interface Member {
  readonly name: string;
  readonly type: 'user' | 'client';
}

/**
 * Whether somebody is in a group, directly or through nested groups (each is looked at once, so that circles end);
 * undefined where the organization has no such group. A group that the Chef Server will not show, or a nested one
 * that is gone, has no members. Gives up `withinMs` milliseconds after it began.
 */
export const isInGroup = async (
  directory: Pick<ChefDirectory, 'group'>,
  org: string,
  group: string,
  member: Member,
  withinMs: number,
): Promise<Result<boolean | undefined, Unavailable>> => {
  const deadline = performance.now() + withinMs;
  const seen = new Set([group]);
  for (let level = [group]; level.length > 0;) {
    if (performance.now() > deadline) return err({ kind: 'unavailable', reason: 'no answer in time' });
    const answers = await Promise.all(level.map((name) => directory.group(org, name)));
    if (level[0] === group && isUnknown(answers[0])) return ok(undefined);

    const groups = answers.flatMap((answer) => (answer.ok ? [answer.value] : []));
    const names = (one: (typeof groups)[number]) => (member.type === 'user' ? one.users : one.clients);
    if (groups.some((one) => names(one).includes(member.name))) return ok(true);
    const missing = answers.map(unavailability).find((fault) => fault !== undefined);
    if (missing !== undefined) return err(missing);

    level = [...new Set(groups.flatMap((one) => one.groups))].filter((name) => !seen.has(name));
    for (const name of level) seen.add(name);
  }
  return ok(false);
};

type GroupAnswer = Awaited<ReturnType<ChefDirectory['group']>>;

const isUnknown = (answer: GroupAnswer | undefined): boolean =>
  answer?.ok === false && answer.error.kind === 'unknown_group';

const unavailability = (answer: GroupAnswer): Unavailable | undefined =>
  !answer.ok && answer.error.kind === 'unavailable' ? answer.error : undefined;
