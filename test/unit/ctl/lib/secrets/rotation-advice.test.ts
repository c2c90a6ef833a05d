import { describe, expect, it } from 'vitest';
import { whatNext } from '../../../../../ctl/lib/secrets/rotation-advice.js';

const CONFIG = { listen: '0.0.0.0', api_port: 10_003, config_lifetime: 3600, ha: false };
const FILE = '/etc/opscode/private-chef-secrets.json';
const MINUTE_MS = 60_000;

const textAfter = (minutes: number, config = CONFIG, activeHost?: string): string =>
  whatNext(config, FILE, { until: '2026-11-26T00:16:00Z', graceMs: minutes * MINUTE_MS }, activeHost).join(
    '\n',
  );

describe('after a rotation it is said', () => {
  it('until when the old keys count, how nodes follow, what to look at, and what to do then', () => {
    const text = textAfter(120);
    expect(text).toContain('until 2026-11-26T00:16:00Z (2h).');
    expect(text).toContain('within config_lifetime (1h)');
    expect(text).toContain('push_jobs_previous_key_connections in http://127.0.0.1:10003/pushy/metrics');
    expect(text).toMatch(/run reconfigure: it removes the old keys\.$/);
  });

  it.each([
    [59, true],
    [60, false],
    [90, false],
  ])('whether many nodes will come at once, with %i minutes: %s', (minutes, many) => {
    expect(textAfter(minutes).includes('many nodes will come at once')).toBe(many);
  });

  it('that the other of two servers needs the same keys', () => {
    expect(textAfter(120)).not.toContain(FILE);
    expect(textAfter(120, { ...CONFIG, ha: true })).toContain(
      `copy ${FILE} to the other one and run reconfigure there`,
    );
    expect(whatNext({ ...CONFIG, ha: true }, FILE, undefined, undefined).join('\n')).toContain(
      `copy ${FILE}`,
    );
  });

  it('that the active one needs the keys of the one that stands by, which takes over with both', () => {
    const text = textAfter(120, { ...CONFIG, ha: true }, 'push1.example.com');
    expect(text).toContain(
      `the active one, on push1.example.com, has the old ones only. Copy ${FILE} to that machine`,
    );
    expect(text).toContain('The old ones count, too, until 2026-11-26T00:16:00Z (2h).');
    expect(text).not.toMatch(/The server uses|to the other one/);
  });

  it('that every node is cut off for a while where the old keys count no more', () => {
    expect(whatNext(CONFIG, FILE, undefined, undefined)).toEqual([
      'The server uses the new keys.',
      expect.stringContaining('Every node is out of touch'),
    ]);
  });
});
