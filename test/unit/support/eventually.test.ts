import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';

describe('eventually', () => {
  it('hands back the first answer that is neither false nor undefined', async () => {
    const answers = [undefined, false, 0, 1];
    expect(await eventually(() => answers.shift(), { everyMs: 1 })).toBe(0);
  });

  it('goes on after a throw', async () => {
    let calls = 0;
    const probe = (): string => {
      if (++calls < 3) throw new Error('not yet');
      return 'ready';
    };
    expect(await eventually(probe, { everyMs: 1 })).toBe('ready');
  });

  it('throws after the deadline and tells why', async () => {
    const probe = (): never => {
      throw new Error('connection refused');
    };
    await expect(eventually(probe, { withinMs: 5, everyMs: 1 })).rejects.toThrow(
      'not so within 5 ms: connection refused',
    );
  });
});
