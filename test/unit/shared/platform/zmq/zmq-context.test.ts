import { describe, expect, it } from 'vitest';
import { assertSafeZmq, createServerContext } from '../../../../../src/shared/platform/zmq/zmq-context.js';

describe('assertSafeZmq', () => {
  it.each(['4.3.2', '4.3.5', '4.4.0', '5.0.0', '10.0.1'])('accepts version %s with Curve', (version) => {
    expect(() => assertSafeZmq(version, true)).not.toThrow();
  });

  it.each(['4.3.1', '4.2.9', '3.9.9', '4', ''])('rejects version %j and names it', (version) => {
    expect(() => assertSafeZmq(version, true)).toThrow(
      expect.objectContaining({
        code: 'zeromq_too_old',
        message: expect.stringContaining(version) as string,
      }),
    );
  });

  it('rejects a library without Curve', () => {
    expect(() => assertSafeZmq('4.3.5', false)).toThrow(
      expect.objectContaining({ code: 'zeromq_without_curve' }),
    );
  });
});

describe('createServerContext', () => {
  it('accepts the bundled library', () => {
    expect(createServerContext(1)).toBeDefined();
  });
});
