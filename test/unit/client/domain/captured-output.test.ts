import fc from 'fast-check';
import { expect, test } from 'vitest';
import { truncateOutput, jsonBytes } from '../../../../src/client/domain/captured-output.js';

const output = (
  stdout: string | Buffer,
  stderr: string | Buffer = '',
  droppedBytes = { stdout: 0, stderr: 0 },
) => ({
  stdout: Buffer.from(stdout as string),
  stderr: Buffer.from(stderr as string),
  droppedBytes,
});

test('leaves output that fits unchanged', () => {
  expect(truncateOutput(output('a\n', 'b\n'), 100)).toEqual({ stdout: 'a\n', stderr: 'b\n' });
});

test('a channel may use what the other one leaves of the budget', () => {
  const { stdout, stderr } = truncateOutput(output('x'.repeat(900), 'y'.repeat(100)), 1000);
  expect([stdout.length, stderr.length]).toEqual([900, 100]);
});

test('keeps the end below a line with the number of cut bytes, including bytes dropped earlier', () => {
  const { stdout } = truncateOutput(output(`${'x'.repeat(2000)}end`, '', { stdout: 500, stderr: 0 }), 1000);
  const [line, kept] = stdout.split('\n');
  expect(kept).toMatch(/^x+end$/);
  expect(line).toContain(`first ${500 + 2003 - kept!.length} bytes`);
});

test('replaces invalid UTF-8 and NUL with U+FFFD', () => {
  expect(truncateOutput(output(Buffer.from([0xff, 0x61, 0])), 100).stdout).toBe('\ufffda\ufffd');
});

test('always fits, keeps whole characters, and cuts only the beginning', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 800 }),
      fc.string({ unit: 'binary', maxLength: 800 }),
      fc.integer({ min: 0, max: 1500 }),
      (first, second, budget) => {
        const fitted = truncateOutput(output(first, second), budget);
        expect(jsonBytes(fitted.stdout) + jsonBytes(fitted.stderr)).toBeLessThanOrEqual(Math.max(budget, 0));
        for (const text of [fitted.stdout, fitted.stderr]) expect(Buffer.from(text).toString()).toBe(text);
        const kept = fitted.stdout.slice(fitted.stdout.indexOf('were cut]\n') + 'were cut]\n'.length);
        const whole = Buffer.from(first).toString().replaceAll('\0', '\ufffd');
        if (fitted.stdout !== '' && fitted.stdout !== whole) expect(whole.endsWith(kept)).toBe(true);
      },
    ),
  );
});
