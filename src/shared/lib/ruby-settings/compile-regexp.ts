import { RE2JS } from 're2js';
import { err, ok, type Result } from '../result.js';
import { messageOf } from '../app-error.js';
import type { RubyRegexp } from './ruby-value.js';
import { type RegexpFault, translateRegexp } from './translate-regexp.js';

/** A regular expression whose time to match grows linearly with the length of the text. */
export interface CompiledRegexp {
  /** Returns the complete text and its groups (empty if a group has no part in it) if all of the text matches. */
  matchWhole(text: string): readonly string[] | undefined;
  /** Whether any part of the text matches. */
  matchesPart(text: string): boolean;
}

/**
 * Compiles a Ruby regular expression. Supports the options `i`, `m` (the dot matches a line end) and `x`. It must match
 * complete texts, whatever anchors it has; `^` and `$` are the ends of the text. The error says why it cannot be used.
 */
export const compileRegexp = ({ source, flags }: RubyRegexp): Result<CompiledRegexp, RegexpFault> => {
  const fault = (reason: string, needsBacktracking = false) =>
    err({ reason: `/${source}/ cannot be used: ${reason}`, needsBacktracking });
  const unknown = /[^imxou]/.exec(flags)?.[0];
  if (unknown !== undefined)
    return fault(`the flag '${unknown}' of /${source}/${flags} is not supported; i, m and x are`);
  const translated = translateRegexp(source, flags.includes('x'));
  if (!translated.ok) return fault(translated.error.reason, translated.error.needsBacktracking);
  const options =
    (flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0) | (flags.includes('m') ? RE2JS.DOTALL : 0);
  try {
    const part = RE2JS.compile(translated.value, options);
    const whole = RE2JS.compile(`\\A(?:${translated.value})\\z`, options);
    return ok({
      matchWhole: (text) =>
        whole.exec(text)?.map((group: unknown) => (typeof group === 'string' ? group : '')),
      matchesPart: (text) => part.test(text),
    });
  } catch (thrown) {
    const reason = messageOf(thrown).replace(/^error parsing regexp: /, '');
    // More repeats than RE2 allows are valid in Ruby.
    return fault(reason, reason.startsWith('invalid repeat count') && isValidJavaScript(source));
  }
};

const isValidJavaScript = (source: string): boolean => {
  try {
    return new RegExp(source) instanceof RegExp;
  } catch {
    return false;
  }
};
