import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LiveOutputSender } from '../../../../src/client/job/live-output-sender.js';

let sent: string[];
let hasRoom: boolean;
let sender: LiveOutputSender;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  hasRoom = true;
  sender = new LiveOutputSender(({ number, data }) => {
    if (hasRoom) sent.push(`${number}:${data.toString()}`);
    return Promise.resolve(hasRoom);
  });
});
afterEach(() => vi.useRealTimers());

const write = (text: string): void => sender.add('stdout', Buffer.from(text));
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('nothing is sent, and no timer runs, while nobody wants it', async () => {
  write('a');
  await pass(10_000);
  await sender.finish();
  expect([sent, vi.getTimerCount()]).toEqual([[], 0]);
});

test('who asks gets what is kept at once, and then what comes, each time that is due', async () => {
  write('a');
  sender.setPace(1000);
  await pass(0);
  expect([sent, sender.everyMs]).toEqual([['1:a'], 1000]);
  write('b');
  write('c');
  await pass(999);
  expect(sent).toHaveLength(1);
  await pass(1);
  expect(sent).toEqual(['1:a', '2:bc']);
});

test('it ends with the pace 0, and begins with what is kept when it is asked for again', async () => {
  sender.setPace(250);
  write('a');
  await pass(250);
  sender.setPace(0);
  write('b');
  await pass(10_000);
  expect(sent).toEqual(['1:a']);
  sender.setPace(500);
  await pass(0);
  expect(sent).toEqual(['1:a', '1:a', '2:b']);
});

test('another pace changes how often it is sent, not what', async () => {
  sender.setPace(10_000);
  write('a');
  sender.setPace(100);
  await pass(100);
  write('b');
  await pass(100);
  expect(sent).toEqual(['1:a', '2:b']);
});

test('what finds no room is sent later; at the end all that waits is', async () => {
  sender.setPace(250);
  write('a');
  hasRoom = false;
  await pass(1000);
  hasRoom = true;
  await pass(250);
  expect(sent).toEqual(['1:a']);
  for (const letter of 'bcdef') write(letter.repeat(10_000));
  await sender.finish();
  expect(sent.map((text) => text.slice(0, 3))).toEqual(['1:a', '2:b', '3:c', '4:d', '5:e', '6:f']);
  expect(vi.getTimerCount()).toBe(0);
});
