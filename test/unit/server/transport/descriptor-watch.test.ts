import { expect, it } from 'vitest';
import { createLogger } from '../../../../src/shared/platform/logger.js';
import { DescriptorWatch } from '../../../../src/server/transport/descriptor-watch.js';

it('open files are told of once when they run out, and once when there is room again', () => {
  const lines: unknown[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line));
  let open: number | undefined = 100;
  const watch = new DescriptorWatch(
    1000,
    createLogger({ level: 'info', destination: { write } }),
    () => open,
  );
  const look = (count: number | undefined): number => {
    open = count;
    watch.look();
    return lines.length;
  };
  expect([look(100), look(949)]).toEqual([0, 0]);
  expect([look(950), look(1000), look(undefined), look(920)]).toEqual([1, 1, 1, 1]);
  expect(lines[0]).toMatchObject({ level: 'error', open: 950, limit: 1000 });
  expect([look(899), look(100)]).toEqual([2, 2]);
  expect(lines[1]).toMatchObject({ level: 'info', open: 899 });
  expect(look(undefined)).toBe(3);
});
