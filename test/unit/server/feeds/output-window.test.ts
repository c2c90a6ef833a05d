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

test('a reader that comes later gets what is kept, then what comes; each gets all', () => {
  const window = new OutputWindow();
  const first = window.read();
  add(window, 'a', 'b');
  const second = window.read();
  expect([readAll(first), readAll(second)]).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
  add(window, 'c');
  expect([readAll(first), readAll(second)]).toEqual([['c'], ['c']]);
});

test('no more is kept than the limit; a slow reader passes over what it missed', () => {
  const window = new OutputWindow(3);
  const slow = window.read();
  add(window, 'a');
  expect(slow.next()).toBe('a');
  add(window, 'b', 'c', 'd', 'e', 'f');
  expect(readAll(slow)).toEqual(['d', 'e', 'f']);
  expect(readAll(window.read())).toEqual(['d', 'e', 'f']);
});

test('a reader can stop before what came after an event', () => {
  const window = new OutputWindow();
  const cursor = window.read();
  window.add('a', 3);
  window.add('b', 4);
  expect([cursor.next(3), cursor.next(4), cursor.next(4), cursor.next()]).toEqual([
    undefined,
    'a',
    undefined,
    'b',
  ]);
});

test('a reader is woken once by what comes, and not when it has left', () => {
  const window = new OutputWindow();
  const cursor = window.read();
  let woken = 0;
  cursor.onMore(() => woken++);
  add(window, 'c', 'd');
  expect(woken).toBe(1);
  cursor.onMore(() => woken++);
  cursor.close();
  add(window, 'e');
  expect(woken).toBe(1);
});
