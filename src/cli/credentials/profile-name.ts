import { join } from 'node:path';
import type { CliEnvironment } from '../cli-environment.js';
import { readIfThere } from './read-text-file.js';

/** Which profile of the credentials file to use. */
export interface ProfileChoice {
  readonly name: string;
  /** Who chose it; undefined where nobody did and it is the default. */
  readonly chosenBy: string | undefined;
}

const DEFAULT_PROFILE = 'default';

/** The profile by `--profile`, `CHEF_PROFILE`, `KNIFE_PROFILE`, `~/.chef/context`, in this order, else `default`. */
export const chooseProfile = (
  flag: string | undefined,
  { env, home }: Pick<CliEnvironment, 'env' | 'home'>,
): ProfileChoice => {
  const contextFile = join(home, '.chef', 'context');
  const candidates: (readonly [string, () => string | undefined])[] = [
    ['--profile', () => flag],
    ['CHEF_PROFILE', () => env.CHEF_PROFILE],
    ['KNIFE_PROFILE', () => env.KNIFE_PROFILE],
    [contextFile, () => readIfThere(contextFile, 'the context file')],
  ];
  for (const [chosenBy, read] of candidates) {
    const name = read()?.trim() ?? '';
    if (name !== '') return { name, chosenBy };
  }
  return { name: DEFAULT_PROFILE, chosenBy: undefined };
};
