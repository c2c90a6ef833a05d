import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../../src/shared/platform/logger.js';
import { createUnhandledErrorHandler } from '../../../../src/shared/platform/unhandled-errors.js';

interface Ending {
  readonly lines: Record<string, unknown>[];
  readonly codes: number[];
}

const handle = (thrown: unknown, origin: 'uncaughtException' | 'unhandledRejection'): Ending => {
  const ending: Ending = { lines: [], codes: [] };
  const write = (line: string): void => void ending.lines.push(JSON.parse(line) as Record<string, unknown>);
  const logger = createLogger({ level: 'fatal', destination: { write } });
  createUnhandledErrorHandler(logger, (code) => ending.codes.push(code))(thrown, origin);
  return ending;
};

describe('an error that nobody handles', () => {
  it('is logged with its stack at the highest level, and ends the program with 70', () => {
    const { lines, codes } = handle(new TypeError('x is undefined'), 'unhandledRejection');
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'fatal',
        origin: 'unhandledRejection',
        reason: 'x is undefined',
        stack: expect.stringContaining('unhandled-errors.test.ts') as string,
      }),
    ]);
    expect(codes).toEqual([70]);
  });

  it('may be something else than an Error', () => {
    const { lines, codes } = handle('a text', 'uncaughtException');
    expect(lines).toEqual([expect.objectContaining({ reason: 'a text' })]);
    expect(codes).toEqual([70]);
  });

  it('is logged without its members, such as the parameters of a statement', () => {
    const failed = Object.assign(new Error('failed'), { parameters: ['s3cret'], stdout: 's3cret' });
    expect(JSON.stringify(handle(failed, 'uncaughtException').lines)).not.toContain('s3cret');
  });

  it('ends the program even if it cannot be logged', () => {
    const codes: number[] = [];
    const fatal = (): never => {
      throw new Error('the disk is full');
    };
    const handler = createUnhandledErrorHandler({ fatal }, (code) => codes.push(code));
    expect(() => handler(new Error('a bug'), 'uncaughtException')).toThrow('the disk is full');
    expect(codes).toEqual([70]);
  });
});
