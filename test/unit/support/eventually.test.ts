import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';

describe('eventually', () => {
  it('returns the first value that is neither false nor undefined', async () => {
    const values = [undefined, false, 0, 1];
    expect(await eventually(() => values.shift(), { everyMs: 1 })).toBe(0);
  });

  it('retries after an error', async () => {
    let calls = 0;
    const probe = (): string => {
      if (++calls < 3) throw new Error('not yet');
      return 'ready';
    };
    expect(await eventually(probe, { everyMs: 1 })).toBe('ready');
  });

  it('throws after the deadline, with the last error in the message', async () => {
    const probe = (): never => {
      throw new Error('connection refused');
    };
    await expect(eventually(probe, { withinMs: 5, everyMs: 1 })).rejects.toThrow(
      'did not happen within 5 ms: connection refused',
    );
  });
});
