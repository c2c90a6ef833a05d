import { expect, test } from 'vitest';
import {
  type CompiledRegexp,
  compileRegexp,
} from '../../../../src/shared/lib/ruby-settings/compile-regexp.js';
import { RubyRegexp } from '../../../../src/shared/lib/ruby-settings/ruby-value.js';
import {
  findInWhitelist,
  type Whitelist,
  type WhitelistEntry,
  type WhitelistPattern,
  explainNotInWhitelist,
} from '../../../../src/client/domain/whitelist.js';

const compiled = (source: string): CompiledRegexp => {
  const result = compileRegexp(new RubyRegexp(source, ''));
  if (!result.ok) throw new Error(result.error.reason);
  return result.value;
};

const pattern = (source: string, entry: WhitelistEntry): WhitelistPattern => ({
  text: `/${source}/`,
  expression: compiled(source),
  entry,
});

const whitelist: Whitelist = {
  exact: new Map([['deploy web', { commandLine: 'exact' }]]),
  patterns: [
    pattern('deploy (\\w+)', { commandLine: 'first' }),
    pattern('deploy (.*)', { commandLine: 'second', lock: '/l' }),
  ],
};

test('an exact name takes precedence over expressions', () => {
  expect(findInWhitelist(whitelist, 'deploy web')).toEqual({ entry: { commandLine: 'exact' } });
});

test('the first expression that matches applies', () => {
  expect(findInWhitelist(whitelist, 'deploy db')).toEqual({
    entry: { commandLine: 'first' },
    groups: ['deploy db', 'db'],
  });
  expect(findInWhitelist(whitelist, 'deploy db 2')?.entry).toEqual({ commandLine: 'second', lock: '/l' });
});

test.each(['', 'deploy', 'a deploy db', 'deploy db\n', 'deploy db\0', '__proto__', 'constructor'])(
  '%j is not found',
  (name) => {
    expect(findInWhitelist(whitelist, name)).toBeUndefined();
  },
);

test('explains a partial match, and shortens long names', () => {
  expect(explainNotInWhitelist(whitelist, 'reboot')).toBe("'reboot' is not in the whitelist");
  expect(explainNotInWhitelist(whitelist, 'a deploy db')).toContain(
    "'a deploy db' is not in the whitelist: /deploy (\\w+)/ matches a part of it only, and must match the whole name",
  );
  expect(explainNotInWhitelist(whitelist, 'x'.repeat(1000))).toHaveLength(
    200 + "'' is not in the whitelist".length,
  );
});

test('a name that reaches an entry that cannot be used is declined, because the entry might match it', () => {
  const fault = '/a(?=b)/ cannot be used';
  const unusable: WhitelistPattern = {
    text: '/a(?=b)/',
    expression: undefined,
    fault,
    entry: { commandLine: 'x' },
  };
  const [first, second] = whitelist.patterns;
  const mixed: Whitelist = { exact: whitelist.exact, patterns: [first!, unusable, second!] };
  expect(findInWhitelist(mixed, 'deploy web')?.fault).toBeUndefined();
  expect(findInWhitelist(mixed, 'deploy db')?.fault).toBeUndefined();
  expect(findInWhitelist(mixed, 'deploy db 2')?.fault).toBe(fault);
  expect(findInWhitelist(mixed, 'reboot')?.fault).toBe(fault);
});
