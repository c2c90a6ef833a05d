import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  descriptorsNeeded,
  DescriptorWatch,
  maxSubscribers,
  openFilesLimit,
} from '../../../../src/server/transport/descriptor-watch.js';
import { createLogger } from '../../../../src/shared/platform/logger.js';

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             62791                62791                processes
Max open files            1024                 524288               files
Max locked memory         unlimited            unlimited            bytes
`;

describe('openFilesLimit', () => {
  it('returns the soft limit', () => {
    expect(openFilesLimit(LIMITS)).toBe(1024);
  });

  it.each(['', 'Max open files            unlimited            unlimited            files'])(
    'returns no limit for %j',
    (text) => {
      expect(openFilesLimit(text)).toBeUndefined();
    },
  );
});

describe('DescriptorWatch', () => {
  let lines: unknown[];
  let open: number | undefined;

  const createWatch = (limit: number | undefined): DescriptorWatch => {
    const write = (line: string): void => void lines.push(JSON.parse(line));
    const logger = createLogger({ level: 'info', destination: { write } });
    return new DescriptorWatch(limit, logger, () => open);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    lines = [];
    open = 100;
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('logs once when descriptors become scarce, and once when they no longer are', () => {
    const watch = createWatch(1000);
    watch.start(0, false);
    const linesAfterCheck = (count: number | undefined): number => {
      open = count;
      vi.advanceTimersByTime(5_000);
      return lines.length;
    };
    expect([linesAfterCheck(100), linesAfterCheck(949)]).toEqual([0, 0]);
    expect([950, 1000, undefined, 920].map(linesAfterCheck)).toEqual([1, 1, 1, 1]);
    expect(lines[0]).toMatchObject({ level: 'error', open: 950, limit: 1000 });
    expect([linesAfterCheck(899), linesAfterCheck(100)]).toEqual([2, 2]);
    expect(lines[1]).toMatchObject({ level: 'info', open: 899 });
    expect(linesAfterCheck(undefined)).toBe(3);
    watch.stop();
    expect(linesAfterCheck(100)).toBe(3);
  });

  it('warns at the start if the limit is too low for the known nodes', () => {
    createWatch(1024).start(500, false);
    expect(lines).toMatchObject([
      { level: 'warn', limit: 1024, needed: descriptorsNeeded(500, false), nodes: 500 },
    ]);
  });

  it('does not warn at the start if the limit is high enough, or unknown', () => {
    createWatch(1024).start(0, false);
    createWatch(undefined).start(500, false);
    expect(lines).toEqual([]);
  });

  it('counts two more descriptors for each node during a grace period', () => {
    createWatch(1024).start(500, true);
    expect(lines).toMatchObject([{ needed: descriptorsNeeded(500, false) + 1000 }]);
  });
});

describe('maxSubscribers', () => {
  it('leaves descriptors for nodes, database and HTTP', () => {
    expect([maxSubscribers(1024), maxSubscribers(65_536), maxSubscribers(undefined)]).toEqual([
      256,
      32_268,
      Infinity,
    ]);
  });
});
