import { parseTree } from 'jsonc-parser';
import { z } from 'zod';
import { AppError, messageOf } from '../../shared/lib/app-error.js';

const FORM = 'it must be a JSON object of strings, like {"NAME": "value"}';

/** Environment variables for a job from `--with-env`; throws an AppError that says what is wrong with them. */
export const readJobEnv = (text: string): Record<string, string> => {
  const env = parseJson(text);
  const parsed = z.record(z.string(), z.unknown()).safeParse(env);
  if (!parsed.success) throw new AppError('bad_env', `--with-env is not right: ${FORM}`);
  const wrong = Object.entries(parsed.data).find(([, value]) => typeof value !== 'string');
  if (wrong !== undefined) {
    throw new AppError('bad_env', `--with-env: the value of '${wrong[0]}' is not a string; ${FORM}`);
  }
  const twice = repeatedName(text);
  if (twice !== undefined)
    throw new AppError('bad_env', `--with-env: '${twice}' is given more than once; leave one of them out`);
  return parsed.data as Record<string, string>;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new AppError('bad_env', `--with-env is not JSON: ${messageOf(thrown)}; ${FORM}`);
  }
};

/** A name that an object gives more than once, of which a parsed one only shows the last. */
const repeatedName = (text: string): string | undefined => {
  const names = (parseTree(text)?.children ?? []).map(({ children }) => String(children?.[0]?.value));
  return names.find((name, index) => names.indexOf(name) !== index);
};
