import { UsageError } from '../../shared/lib/usage-error.js';

const AGE = /^(\d{1,6})([smhd])$/;
const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DATE = /^\d{4}-\d{2}-\d{2}/;

/**
 * Parses a time in the past: an age (`90s`, `30m`, `12h`, `7d`) or an ISO 8601 date. Returns milliseconds since 1970;
 * throws a UsageError for any other text.
 */
export const parseSince = (text: string, nowMs: number): number => {
  const [, count, unit] = AGE.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  const ms = DATE.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new UsageError(
    `--since must be an age like 30m, 12h or 7d, or a date like 2026-11-22 or 2026-11-22T08:00:00Z, not '${text}'`,
  );
};
