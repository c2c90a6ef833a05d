const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const UNITS: Readonly<Record<string, number>> = { m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

/** The milliseconds of `90m`, `2h` or `1d`; undefined where the text is nothing of the kind, or no time at all. */
export const parseDuration = (text: string): number | undefined => {
  const [, count = '', unit = ''] = /^(\d{1,9})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit] ?? 0);
  return ms > 0 ? ms : undefined;
};

/** Milliseconds in the largest unit in which they are a whole number: `2h`, `90m`, `20s`. */
export const formatDuration = (ms: number): string => {
  const units = [
    [DAY_MS, 'd'],
    [HOUR_MS, 'h'],
    [MINUTE_MS, 'm'],
  ] as const;
  const [size, unit] = units.find(([size]) => ms >= size && ms % size === 0) ?? [SECOND_MS, 's'];
  return `${Math.round(ms / size)}${unit}`;
};
