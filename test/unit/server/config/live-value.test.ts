import { describe, expect, it } from 'vitest';
import { LiveValue } from '../../../../src/server/config/live-value.js';

describe('a view of a value', () => {
  it('shows the current value after a replacement', () => {
    const live = new LiveValue({ name: 'a', inner: { size: 1 } });
    const { view } = live;
    const copied = { ...view };
    live.replace({ name: 'b', inner: { size: 2 } });
    expect(view.name).toBe('b');
    expect(view.inner.size).toBe(2);
    expect(JSON.stringify(view)).toBe('{"name":"b","inner":{"size":2}}');
    expect(copied).toEqual({ name: 'a', inner: { size: 1 } });
  });

  it('rejects assignments', () => {
    const { view } = new LiveValue({ name: 'a' });
    expect(() => Object.assign(view, { name: 'b' })).toThrow(TypeError);
  });
});
