import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OutputWindow } from '../../../../src/server/feeds/output-window.js';
import { SseStream } from '../../../../src/server/feeds/sse-stream.js';
import { DurableLog } from '../../../../src/shared/lib/durable-log.js';
import type { FeedEvent } from '../../../../src/shared/protocol/feed-event.js';
import { turn } from '../../../support/held-store.js';

const KEEP_ALIVE_MS = 15_000;

const event = (number: number, size = 0): FeedEvent => ({
  id: `job-${number}`,
  name: 'run_start',
  data: `{"n":${number},"fill":"${'x'.repeat(size)}"}`,
});
const textOf = ({ id, name, data }: FeedEvent): string => `event: ${name}\nid: ${id}\ndata: ${data}\n\n`;
const logOf = (...earlier: FeedEvent[]): DurableLog<FeedEvent> =>
  new DurableLog<FeedEvent>(
    () => Promise.resolve(),
    () => undefined,
    earlier,
  );

/** Collects what a stream gives. */
const collect = (stream: SseStream): { text: string } => {
  const collected = { text: '' };
  stream.on('data', (chunk: string) => (collected.text += chunk));
  return collected;
};

beforeEach(() =>
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] }),
);
afterEach(() => vi.useRealTimers());

describe('a feed as a stream', () => {
  test('gives what is there, then what comes, then ends with the log', async () => {
    const log = logOf(event(1));
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    const collected = collect(stream);
    await turn();
    expect(collected.text).toBe(textOf(event(1)));
    log.append(event(2));
    await turn();
    expect(collected.text).toBe(textOf(event(1)) + textOf(event(2)));
    const ended = once(stream, 'close');
    log.close();
    await ended;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('begins with what stands before the log', async () => {
    const stream = new SseStream(logOf(event(1)).readFrom(0), KEEP_ALIVE_MS, event(0));
    const collected = collect(stream);
    await turn();
    expect(collected.text).toBe(textOf(event(0)) + textOf(event(1)));
    stream.destroy();
  });

  test('says at every keepalive that it is there', async () => {
    const stream = new SseStream(logOf().readFrom(0), KEEP_ALIVE_MS);
    const collected = collect(stream);
    await turn();
    for (let count = 0; count < 3; count++) {
      vi.advanceTimersByTime(KEEP_ALIVE_MS);
      await turn();
    }
    expect(collected.text).toBe(':keepalive\n'.repeat(3));
    stream.destroy();
  });

  test('is quiet where keepalives are further apart than Node.js can wait', async () => {
    const stream = new SseStream(logOf().readFrom(0), 2 ** 31);
    const collected = collect(stream);
    await turn();
    vi.advanceTimersByTime(1_000);
    await turn();
    expect(collected.text).toBe('');
    stream.destroy();
  });

  test('cuts off a reader that takes nothing for two keepalives, and holds little for it till then', async () => {
    const log = logOf(...Array.from({ length: 1_000 }, (_, number) => event(number, 1_000)));
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    stream.pipe(new PassThrough({ highWaterMark: 1 }));
    await turn();
    expect(stream.readableLength).toBeLessThan(100_000);
    const closed = once(stream, 'close');
    vi.advanceTimersByTime(KEEP_ALIVE_MS);
    expect(stream.destroyed).toBe(false);
    vi.advanceTimersByTime(KEEP_ALIVE_MS);
    await closed;
    expect(stream.destroyed).toBe(true);
  });

  test('does not cut off a reader that is slow but takes something', async () => {
    const log = logOf(...Array.from({ length: 100 }, (_, number) => event(number, 10_000)));
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    log.close();
    let text = '';
    stream.on('readable', () => undefined);
    for (let chunk = ''; !stream.readableEnded; chunk = (stream.read() as string | null) ?? '') {
      text += chunk;
      await turn();
      if (text.length < 900_000) vi.advanceTimersByTime(KEEP_ALIVE_MS);
    }
    expect(text.match(/^event/gm)).toHaveLength(100);
  });

  test('cuts off a reader who has fallen behind what is remembered', async () => {
    const log = logOf(event(1), event(2));
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    log.forget(() => true);
    const closed = once(stream, 'close');
    collect(stream);
    await closed;
    expect(stream.readableEnded).toBe(false);
  });

  test('is let go by a log whose reader has left', async () => {
    const log = logOf();
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    const collected = collect(stream);
    await turn();
    stream.destroy();
    log.append(event(1));
    await turn();
    expect([collected.text, vi.getTimerCount()]).toEqual(['', 0]);
  });

  test('ends when the server stops, and takes no event or keepalive after that', async () => {
    const log = logOf(event(1));
    const stream = new SseStream(log.readFrom(0), KEEP_ALIVE_MS);
    const failed = vi.fn();
    stream.on('error', failed);
    const collected = collect(stream);
    await turn();
    stream.finish();
    log.append(event(2));
    vi.advanceTimersByTime(KEEP_ALIVE_MS);
    await turn();
    expect([collected.text, stream.destroyed]).toEqual([textOf(event(1)), true]);
    expect(failed).not.toHaveBeenCalled();
  });

  test('is cut off when the server stops and its reader does not take the rest', async () => {
    const stream = new SseStream(logOf(event(1)).readFrom(0), KEEP_ALIVE_MS);
    stream.read(0);
    stream.finish();
    await turn();
    expect(stream.destroyed).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(stream.destroyed).toBe(true);
  });
});

describe('a feed with output', () => {
  const left = vi.fn();
  const open = (log: DurableLog<FeedEvent>, window: OutputWindow): SseStream =>
    new SseStream(log.readFrom(0), KEEP_ALIVE_MS, undefined, { cursor: window.read(), leave: left });

  test('gives output as it comes, and what came before an event before it', async () => {
    const log = logOf();
    const window = new OutputWindow();
    const stream = open(log, window);
    const collected = collect(stream);
    window.add('output 1\n', 0);
    await turn();
    window.add('output 2\n', 0);
    log.append(event(1));
    await turn();
    window.add('output 3\n', 1);
    await turn();
    log.append(event(2));
    log.close();
    await once(stream, 'close');
    expect(collected.text).toBe(`output 1\noutput 2\n${textOf(event(1))}output 3\n${textOf(event(2))}`);
    expect(left).toHaveBeenCalledTimes(1);
  });

  test('gives a reader that comes later what had happened before the output first', async () => {
    const window = new OutputWindow();
    window.add('output 1\n', 1);
    window.add('output 2\n', 2);
    const stream = open(logOf(event(1), event(2)), window);
    const collected = collect(stream);
    await turn();
    expect(collected.text).toBe(`${textOf(event(1))}output 1\n${textOf(event(2))}output 2\n`);
    stream.destroy();
  });

  test('does not let output hold up an event of a slow reader for more than what had come before it', async () => {
    const log = logOf(event(1), event(2));
    const window = new OutputWindow(20_000);
    const stream = open(log, window);
    let text = '';
    stream.on('readable', () => undefined);
    for (let count = 0; count < 10; count++) {
      for (let many = 0; many < 10; many++) window.add(`${'x'.repeat(5_000)}\n`, 1);
      text += (stream.read() as string | null) ?? '';
      await turn();
    }
    stream.destroy();
    expect(text.indexOf(textOf(event(1)))).toBeGreaterThan(-1);
    expect(text.indexOf(textOf(event(2)))).toBeLessThan(text.length / 2);
    expect(stream.readableLength).toBeLessThan(100_000);
  });

  test('takes no output while its reader takes nothing, whatever wakes it', async () => {
    const log = logOf();
    const window = new OutputWindow();
    const stream = open(log, window);
    stream.read(0);
    await turn();
    log.append(event(1, 30_000));
    await turn();
    for (let count = 0; count < 8; count++) window.add('x'.repeat(30_000), 1);
    await turn();
    expect(stream.readableLength).toBeLessThan(45_000);
    stream.destroy();
  });
});

test('gives every event once and in order, however appends and reads fall', async () => {
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
          else await turn();
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
