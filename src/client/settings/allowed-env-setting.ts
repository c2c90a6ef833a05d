import { RubyRegexp, type RubyValue, nameOf } from '../../shared/lib/ruby-settings/ruby-value.js';
import { compileRegexp } from '../../shared/lib/ruby-settings/compile-regexp.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import type { NamePatterns } from '../domain/job-environment.js';

/**
 * Reads the names of variables that a job may set: strings, in which `*` stands for any text, and regular expressions,
 * which must match whole names. The value is one of them, an array of them, or a string with commas.
 */
export const readNamePatterns = (value: RubyValue): Result<NamePatterns, string> => {
  const elements = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value;
  const patterns = (Array.isArray(elements) ? (elements as readonly RubyValue[]) : [value]).map(toRegexp);
  const texts: string[] = [];
  const matchers: ((name: string) => boolean)[] = [];
  for (const pattern of patterns) {
    if (pattern === undefined)
      return err('must be an array of names (with * for any text) or regular expressions');
    const compiled = compileRegexp(pattern.expression);
    if (!compiled.ok) return err(`has an invalid name: ${compiled.error.reason}`);
    texts.push(pattern.text);
    matchers.push((name) => compiled.value.matchWhole(name) !== undefined);
  }
  return ok({ texts, matches: (name) => matchers.some((matches) => matches(name)) });
};

const toRegexp = (value: RubyValue): { text: string; expression: RubyRegexp } | undefined => {
  if (value instanceof RubyRegexp) return { text: `/${value.source}/`, expression: value };
  const name = nameOf(value);
  if (name === undefined) return undefined;
  const parts = name.split('*').map((part) => part.replace(/[^\w]/gu, (character) => `\\${character}`));
  // Names on Windows have no case.
  return {
    text: name,
    expression: new RubyRegexp(parts.join('.*'), process.platform === 'win32' ? 'mi' : 'm'),
  };
};
