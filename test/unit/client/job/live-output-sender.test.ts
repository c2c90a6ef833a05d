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

test('sends nothing and runs no timer while no output is wanted', async () => {
  write('a');
  await pass(10_000);
  await sender.finish();
  expect([sent, vi.getTimerCount()]).toEqual([[], 0]);
});

test('sends buffered output at once on request, then new output in each interval', async () => {
  write('a');
  sender.setIntervalMs(1000);
  await pass(0);
  expect([sent, sender.intervalMs]).toEqual([['1:a'], 1000]);
  write('b');
  write('c');
  await pass(999);
  expect(sent).toHaveLength(1);
  await pass(1);
  expect(sent).toEqual(['1:a', '2:bc']);
});

test('pauses on the interval 0 and begins again with the buffered output', async () => {
  sender.setIntervalMs(250);
  write('a');
  await pass(250);
  sender.setIntervalMs(0);
  write('b');
  await pass(10_000);
  expect(sent).toEqual(['1:a']);
  sender.setIntervalMs(500);
  await pass(0);
  expect(sent).toEqual(['1:a', '1:a', '2:b']);
});

test('another interval changes only how often output is sent', async () => {
  sender.setIntervalMs(10_000);
  write('a');
  sender.setIntervalMs(100);
  await pass(100);
  write('b');
  await pass(100);
  expect(sent).toEqual(['1:a', '2:b']);
});

test('sends a chunk later if there was no room, and all waiting chunks at the end', async () => {
  sender.setIntervalMs(250);
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
