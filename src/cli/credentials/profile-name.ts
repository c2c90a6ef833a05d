import { join } from 'node:path';
import type { CliEnvironment } from '../cli-environment.js';
import { readTextIfPresent } from './read-text-file.js';

/** Which profile of the credentials file to use. */
export interface ProfileChoice {
  readonly name: string;
  /** The option, variable or file that names the profile; undefined for the default. */
  readonly chosenBy: string | undefined;
}

const DEFAULT_PROFILE = 'default';

/**
 * Chooses the profile: from `--profile`, `CHEF_PROFILE`, `KNIFE_PROFILE`, `~/.chef/context`, in this order, else
 * `default`.
 */
export const chooseProfile = (
  flag: string | undefined,
  { env, home }: Pick<CliEnvironment, 'env' | 'home'>,
): ProfileChoice => {
  const contextFile = join(home, '.chef', 'context');
  const candidates: (readonly [string, () => string | undefined])[] = [
    ['--profile', () => flag],
    ['CHEF_PROFILE', () => env.CHEF_PROFILE],
    ['KNIFE_PROFILE', () => env.KNIFE_PROFILE],
    [contextFile, () => readTextIfPresent(contextFile, 'the context file')],
  ];
  for (const [chosenBy, read] of candidates) {
    const name = read()?.trim() ?? '';
    if (name !== '') return { name, chosenBy };
  }
  return { name: DEFAULT_PROFILE, chosenBy: undefined };
};
