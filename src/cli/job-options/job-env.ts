import { parseTree } from 'jsonc-parser';
import { z } from 'zod';
import { AppError } from '../../shared/lib/app-error.js';
import { parseJson } from '../../shared/lib/json.js';

const FORM = 'it must be a JSON object of strings, for example {"NAME": "value"}';

/** Parses `--with-env`, the environment variables of a job; throws an AppError if the text is invalid. */
export const parseJobEnv = (text: string): Record<string, string> => {
  const json = parseJson(text);
  if (!json.ok) throw new AppError('bad_env', `--with-env is not JSON: ${json.error}; ${FORM}`);
  const parsed = z.record(z.string(), z.unknown()).safeParse(json.value);
  if (!parsed.success) throw new AppError('bad_env', `--with-env is invalid: ${FORM}`);
  const invalid = Object.entries(parsed.data).find(([, value]) => typeof value !== 'string');
  if (invalid !== undefined) {
    throw new AppError('bad_env', `--with-env: the value of '${invalid[0]}' is not a string; ${FORM}`);
  }
  const repeated = findRepeatedName(text);
  if (repeated !== undefined)
    throw new AppError('bad_env', `--with-env: '${repeated}' is given more than once; give it once`);
  return parsed.data as Record<string, string>;
};

/** Returns a name that a JSON object contains more than once; the parsed object shows only its last value. */
const findRepeatedName = (text: string): string | undefined => {
  const names = (parseTree(text)?.children ?? []).map(({ children }) => String(children?.[0]?.value));
  return names.find((name, index) => names.indexOf(name) !== index);
};
