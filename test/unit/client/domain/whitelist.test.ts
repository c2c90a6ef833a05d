import { expect, test } from 'vitest';
import { findInWhitelist, type Whitelist } from '../../../../src/client/domain/whitelist.js';

const whitelist: Whitelist = {
  exact: new Map([['deploy web', { commandLine: 'exact' }]]),
  patterns: [
    [/^(?:deploy (\w+))$/, { commandLine: 'first' }],
    [/^(?:deploy (.*))$/, { commandLine: 'second', lock: '/l' }],
  ],
};

test('an exact name comes before any expression', () => {
  expect(findInWhitelist(whitelist, 'deploy web')).toEqual({ entry: { commandLine: 'exact' } });
});

test('expressions are tried in order', () => {
  expect(findInWhitelist(whitelist, 'deploy db')).toEqual({
    entry: { commandLine: 'first' },
    groups: ['deploy db', 'db'],
  });
  expect(findInWhitelist(whitelist, 'deploy db 2')?.entry).toEqual({ commandLine: 'second', lock: '/l' });
});

test.each(['', 'deploy', 'a deploy db', 'deploy db\n', 'deploy db\0', '__proto__', 'constructor'])(
  '%j is not in it',
  (name) => {
    expect(findInWhitelist(whitelist, name)).toBeUndefined();
  },
);
