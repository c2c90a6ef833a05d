import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OutputWindow } from '../../../../src/server/feeds/output-window.js';
import { SseStream } from '../../../../src/server/feeds/sse-stream.js';
import { DurableLog } from '../../../../src/shared/lib/durable-log.js';
import type { FeedEvent } from '../../../../src/shared/protocol/feed-event.js';
import { nextEventLoopTurn } from '../../../support/controllable-store.js';

const KEEP_ALIVE_MS = 15_000;

const event = (number: number, size = 0): FeedEvent => ({
  id: `job-${number}`,
  name: 'run_start',
  data: `{"n":${number},"fill":"${'x'.repeat(size)}"}`,
});
const textOf = ({ id, name, data }: FeedEvent): string => `event: ${name}\nid: ${id}\ndata: ${data}\n\n`;
const logOf = (...stored: FeedEvent[]): DurableLog<FeedEvent> =>
  new DurableLog<FeedEvent>(
    () => Promise.resolve(),
    () => undefined,
    stored,
  );

/** Collects the text of a stream. */
const collect = (stream: SseStream): { text: string } => {
  const collected = { text: '' };
  stream.on('data', (chunk: string) => (collected.text += chunk));
  return collected;
};

beforeEach(() =>
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] }),
);
afterEach(() => vi.useRealTimers());

describe('SseStream', () => {
  test('sends the events in the log, then new ones, and ends with the log', async () => {
    const log = logOf(event(1));
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    const collected = collect(stream);
    await nextEventLoopTurn();
    expect(collected.text).toBe(textOf(event(1)));
    log.append(event(2));
    await nextEventLoopTurn();
    expect(collected.text).toBe(textOf(event(1)) + textOf(event(2)));
    const ended = once(stream, 'close');
    log.close();
    await ended;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('sends the first event before those of the log', async () => {
    const stream = new SseStream(logOf(event(1)).readFrom(0), KEEP_ALIVE_MS, event(0));
    const collected = collect(stream);
    await nextEventLoopTurn();
    expect(collected.text).toBe(textOf(event(0)) + textOf(event(1)));
    stream.destroy();
  });

  test('sends a comment at every keepalive interval', async () => {
    const stream = new SseStream(logOf().readFrom(0), KEEP_ALIVE_MS);
    const collected = collect(stream);
    await nextEventLoopTurn();
    for (let count = 0; count < 3; count++) {
      vi.advanceTimersByTime(KEEP_ALIVE_MS);
      await nextEventLoopTurn();
    }
    expect(collected.text).toBe(':keepalive\n'.repeat(3));
    stream.destroy();
  });

  test('sends no keepalive early if the interval exceeds the timers of Node.js', async () => {
    const stream = new SseStream(logOf().readFrom(0), 2 ** 31);
    const collected = collect(stream);
    await nextEventLoopTurn();
    vi.advanceTimersByTime(1_000);
    await nextEventLoopTurn();
    expect(collected.text).toBe('');
    stream.destroy();
  });

  test('disconnects a reader that receives nothing for two keepalive intervals, and buffers little for it', async () => {
    const log = logOf(...Array.from({ length: 1_000 }, (_, number) => event(number, 1_000)));
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    stream.pipe(new PassThrough({ highWaterMark: 1 }));
    await nextEventLoopTurn();
    expect(stream.readableLength).toBeLessThan(100_000);
    const closed = once(stream, 'close');
    vi.advanceTimersByTime(KEEP_ALIVE_MS);
    expect(stream.destroyed).toBe(false);
    vi.advanceTimersByTime(KEEP_ALIVE_MS);
    await closed;
    expect(stream.destroyed).toBe(true);
  });

  test('does not disconnect a reader that is slow but receives something', async () => {
    const log = logOf(...Array.from({ length: 100 }, (_, number) => event(number, 10_000)));
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    log.close();
    let text = '';
    stream.on('readable', () => undefined);
    for (let chunk = ''; !stream.readableEnded; chunk = (stream.read() as string | null) ?? '') {
      text += chunk;
      await nextEventLoopTurn();
      if (text.length < 900_000) vi.advanceTimersByTime(KEEP_ALIVE_MS);
    }
    expect(text.match(/^event/gm)).toHaveLength(100);
  });

  test('disconnects a reader that missed evicted events', async () => {
    const log = logOf(event(1), event(2));
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    log.evict(() => true);
    const closed = once(stream, 'close');
    collect(stream);
    await closed;
    expect(stream.readableEnded).toBe(false);
  });

  test('releases its timers and the log when its reader disconnects', async () => {
    const log = logOf();
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    const collected = collect(stream);
    await nextEventLoopTurn();
    stream.destroy();
    log.append(event(1));
    await nextEventLoopTurn();
    expect([collected.text, vi.getTimerCount()]).toEqual(['', 0]);
  });

  test('ends when the server stops, and sends no event or keepalive after that', async () => {
    const log = logOf(event(1));
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    const failed = vi.fn();
    stream.on('error', failed);
    const collected = collect(stream);
    await nextEventLoopTurn();
    stream.finish();
    log.append(event(2));
    vi.advanceTimersByTime(KEEP_ALIVE_MS);
    await nextEventLoopTurn();
    expect([collected.text, stream.destroyed]).toEqual([textOf(event(1)), true]);
    expect(failed).not.toHaveBeenCalled();
  });

  test('disconnects a reader that does not receive the rest within a second when the server stops', async () => {
    const stream = new SseStream(logOf(event(1)).readFrom(0), KEEP_ALIVE_MS);
    stream.read(0);
    stream.finish();
    await nextEventLoopTurn();
    expect(stream.destroyed).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(stream.destroyed).toBe(true);
  });
});

describe('SseStream with output', () => {
  const unsubscribe = vi.fn();
  const open = (log: DurableLog<FeedEvent>, window: OutputWindow): SseStream =>
    new SseStream(log.readFrom(0), KEEP_ALIVE_MS, undefined, { cursor: window.openCursor(), unsubscribe });

  test('sends output immediately, and before the event that it preceded', async () => {
    const log = logOf();
    const window = new OutputWindow();
    const stream = open(log, window);
    const collected = collect(stream);
    window.add('output 1\n', 0);
    await nextEventLoopTurn();
    window.add('output 2\n', 0);
    log.append(event(1));
    await nextEventLoopTurn();
    window.add('output 3\n', 1);
    await nextEventLoopTurn();
    log.append(event(2));
    log.close();
    await once(stream, 'close');
    expect(collected.text).toBe(`output 1\noutput 2\n${textOf(event(1))}output 3\n${textOf(event(2))}`);
    expect(unsubscribe).toHaveBeenCalledTimes(1);
  });

  test('sends a later reader events and output in their original order', async () => {
    const window = new OutputWindow();
    window.add('output 1\n', 1);
    window.add('output 2\n', 2);
    const stream = open(logOf(event(1), event(2)), window);
    const collected = collect(stream);
    await nextEventLoopTurn();
    expect(collected.text).toBe(`${textOf(event(1))}output 1\n${textOf(event(2))}output 2\n`);
    stream.destroy();
  });

  test('delays an event for a slow reader only by the output that preceded it', async () => {
    const log = logOf(event(1), event(2));
    const window = new OutputWindow(20_000);
    const stream = open(log, window);
    let text = '';
    stream.on('readable', () => undefined);
    for (let count = 0; count < 10; count++) {
      for (let many = 0; many < 10; many++) window.add(`${'x'.repeat(5_000)}\n`, 1);
      text += (stream.read() as string | null) ?? '';
      await nextEventLoopTurn();
    }
    stream.destroy();
    expect(text.indexOf(textOf(event(1)))).toBeGreaterThan(-1);
    expect(text.indexOf(textOf(event(2)))).toBeLessThan(text.length / 2);
    expect(stream.readableLength).toBeLessThan(100_000);
  });

  test('reads no output while its reader receives nothing, even if it is woken', async () => {
    const log = logOf();
    const window = new OutputWindow();
    const stream = open(log, window);
    stream.read(0);
    await nextEventLoopTurn();
    log.append(event(1, 30_000));
    await nextEventLoopTurn();
    for (let count = 0; count < 8; count++) window.add('x'.repeat(30_000), 1);
    await nextEventLoopTurn();
    expect(stream.readableLength).toBeLessThan(45_000);
    stream.destroy();
  });
});

test('sends every event once and in order, for any interleaving of appends and reads', async () => {
  const step = fc.oneof(
    fc.constant('append' as const),
    fc.constant('read' as const),
    fc.constant('turn' as const),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 0, max: 20_000 }),
      async (steps, size) => {
        const log = logOf();
        const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
        const expected: string[] = [];
        let text = '';
        for (const each of steps) {
          if (each === 'append') {
            const next = event(expected.length, size);
            expected.push(textOf(next));
            log.append(next);
          } else if (each === 'read') text += (stream.read() as string | null) ?? '';
          else await nextEventLoopTurn();
        }
        log.close();
        const ended = once(stream, 'end');
        stream.on('data', (chunk: string) => (text += chunk));
        await ended;
        expect(text).toBe(expected.join(''));
      },
    ),
    { numRuns: 100 },
  );
});
