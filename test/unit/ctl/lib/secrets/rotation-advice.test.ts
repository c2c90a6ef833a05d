import { describe, expect, it } from 'vitest';
import { rotationAdvice } from '../../../../../ctl/lib/secrets/rotation-advice.js';

const CONFIG = { listen: '0.0.0.0', api_port: 10_003, config_lifetime: 3600, ha: false };
const FILE = '/etc/opscode/private-chef-secrets.json';
const MINUTE_MS = 60_000;

const textAfter = (minutes: number, config = CONFIG, activeHost?: string): string =>
  rotationAdvice(
    config,
    FILE,
    { until: '2026-11-26T00:16:00Z', graceMs: minutes * MINUTE_MS },
    activeHost,
  ).join('\n');

describe('the advice after a rotation', () => {
  it('names the end of the grace period, how nodes get the new keys, the metric, and the next command', () => {
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
  ])('says whether many nodes reconnect at once, with %i minutes: %s', (minutes, many) => {
    expect(textAfter(minutes).includes('many nodes will reconnect at once')).toBe(many);
  });

  it('says that the other of two servers needs the same keys', () => {
    expect(textAfter(120)).not.toContain(FILE);
    expect(textAfter(120, { ...CONFIG, ha: true })).toContain(
      `copy ${FILE} to the other one and run reconfigure there`,
    );
    expect(rotationAdvice({ ...CONFIG, ha: true }, FILE, undefined, undefined).join('\n')).toContain(
      `copy ${FILE}`,
    );
  });

  it('says on a standby that the active server needs its keys, and that the standby takes over with both', () => {
    const text = textAfter(120, { ...CONFIG, ha: true }, 'push1.example.com');
    expect(text).toContain(
      `the active one, on push1.example.com, has only the old ones. Copy ${FILE} to that machine`,
    );
    expect(text).toContain('The old ones are also accepted until 2026-11-26T00:16:00Z (2h).');
    expect(text).not.toMatch(/The server uses|to the other one/);
  });

  it('says that every node is offline for a while if the old keys are no longer accepted', () => {
    expect(rotationAdvice(CONFIG, FILE, undefined, undefined)).toEqual([
      'The server uses the new keys.',
      expect.stringContaining('Every node is offline'),
    ]);
  });
});
