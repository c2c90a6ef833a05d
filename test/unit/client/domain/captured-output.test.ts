import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitOutput, jsonBytes } from '../../../../src/client/domain/captured-output.js';

const output = (stdout: string | Buffer, stderr: string | Buffer = '', lost = { stdout: 0, stderr: 0 }) => ({
  stdout: Buffer.from(stdout as string),
  stderr: Buffer.from(stderr as string),
  lost,
});

test('what fits is left alone', () => {
  expect(fitOutput(output('a\n', 'b\n'), 100)).toEqual({ stdout: 'a\n', stderr: 'b\n' });
});

test('what one channel leaves is the other’s', () => {
  const { stdout, stderr } = fitOutput(output('x'.repeat(900), 'y'.repeat(100)), 1000);
  expect([stdout.length, stderr.length]).toEqual([900, 100]);
});

test('the end is kept under a line that says how many bytes were cut, those cut before counted', () => {
  const { stdout } = fitOutput(output(`${'x'.repeat(2000)}end`, '', { stdout: 500, stderr: 0 }), 1000);
  const [line, kept] = stdout.split('\n');
  expect(kept).toMatch(/^x+end$/);
  expect(line).toContain(`first ${500 + 2003 - kept!.length} bytes`);
});

describe('bytes that no database or JSON could hold', () => {
  test('become replacement characters', () => {
    expect(fitOutput(output(Buffer.from([0xff, 0x61, 0])), 100).stdout).toBe('\ufffda\ufffd');
  });
});

test('it always fits, is whole characters, and loses nothing but the beginning', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 800 }),
      fc.string({ unit: 'binary', maxLength: 800 }),
      fc.integer({ min: 0, max: 1500 }),
      (first, second, budget) => {
        const fitted = fitOutput(output(first, second), budget);
        expect(jsonBytes(fitted.stdout) + jsonBytes(fitted.stderr)).toBeLessThanOrEqual(Math.max(budget, 0));
        for (const text of [fitted.stdout, fitted.stderr]) expect(Buffer.from(text).toString()).toBe(text);
        const kept = fitted.stdout.slice(fitted.stdout.indexOf('were cut]\n') + 'were cut]\n'.length);
        const whole = Buffer.from(first).toString().replaceAll('\0', '\ufffd');
        if (fitted.stdout !== '' && fitted.stdout !== whole) expect(whole.endsWith(kept)).toBe(true);
      },
    ),
  );
});
