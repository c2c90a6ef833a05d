import { UsageError } from '../../shared/lib/usage-error.js';

const AGO = /^(\d{1,6})([smhd])$/;
const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DATE = /^\d{4}-\d{2}-\d{2}/;

/**
 * A moment in the past, in milliseconds since 1970: so long ago (`90s`, `30m`, `12h`, `7d`) or a date and time (ISO
 * 8601). Throws a UsageError for any other text.
 */
export const readSince = (text: string, nowMs: number): number => {
  const [, count, unit] = AGO.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  const ms = DATE.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new UsageError(
    `--since must be a time like 30m, 12h or 7d, or a date like 2026-11-22 or 2026-11-22T08:00:00Z, not '${text}'`,
  );
};
