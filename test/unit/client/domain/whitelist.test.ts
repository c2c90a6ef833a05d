import { expect, test } from 'vitest';
import {
  findInWhitelist,
  type Whitelist,
  type WhitelistEntry,
  type WhitelistPattern,
  explainNotInWhitelist,
} from '../../../../src/client/domain/whitelist.js';

const pattern = (source: string, entry: WhitelistEntry): WhitelistPattern => ({
  text: `/${source}/`,
  whole: new RegExp(`^(?:${source})$`),
  part: new RegExp(source),
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
