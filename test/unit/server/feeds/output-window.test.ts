import { expect, test } from 'vitest';
import { type OutputCursor, OutputWindow } from '../../../../src/server/feeds/output-window.js';

const readAll = (cursor: OutputCursor): string[] => {
  const texts: string[] = [];
  for (let text = cursor.next(); text !== undefined; text = cursor.next()) texts.push(text);
  return texts;
};

const add = (window: OutputWindow, ...texts: readonly string[]): void => {
  for (const text of texts) window.add(text, 0);
};

test('every reader gets all entries in the window, then new ones', () => {
  const window = new OutputWindow();
  const first = window.openCursor();
  add(window, 'a', 'b');
  const second = window.openCursor();
  expect([readAll(first), readAll(second)]).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
  add(window, 'c');
  expect([readAll(first), readAll(second)]).toEqual([['c'], ['c']]);
});

test('evicts the oldest entries above the limit, and a slow reader skips them', () => {
  const window = new OutputWindow(3);
  const slow = window.openCursor();
  add(window, 'a');
  expect(slow.next()).toBe('a');
  add(window, 'b', 'c', 'd', 'e', 'f');
  expect(readAll(slow)).toEqual(['d', 'e', 'f']);
  expect(readAll(window.openCursor())).toEqual(['d', 'e', 'f']);
});

test('a reader can stop at the entries that came after an event', () => {
  const window = new OutputWindow();
  const cursor = window.openCursor();
  window.add('a', 3);
  window.add('b', 4);
  expect([cursor.next(3), cursor.next(4), cursor.next(4), cursor.next()]).toEqual([
    undefined,
    'a',
    undefined,
    'b',
  ]);
});

test('wakes a reader once for new entries, and never after it is closed', () => {
  const window = new OutputWindow();
  const cursor = window.openCursor();
  let woken = 0;
  cursor.onMore(() => woken++);
  add(window, 'c', 'd');
  expect(woken).toBe(1);
  cursor.onMore(() => woken++);
  cursor.close();
  add(window, 'e');
  expect(woken).toBe(1);
});
