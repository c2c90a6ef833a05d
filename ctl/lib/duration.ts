const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const UNITS: Readonly<Record<string, number>> = { m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

/** Parses `90m`, `2h` or `1d` into milliseconds; undefined if the text is invalid or zero. */
export const parseDuration = (text: string): number | undefined => {
  const [, count = '', unit = ''] = /^(\d{1,9})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit] ?? 0);
  return ms > 0 ? ms : undefined;
};

/** Formats milliseconds in the largest unit that gives a whole number: `2h`, `90m`, `20s`. */
export const formatDuration = (ms: number): string => {
  const units = [
    [DAY_MS, 'd'],
    [HOUR_MS, 'h'],
    [MINUTE_MS, 'm'],
  ] as const;
  const [size, unit] = units.find(([size]) => ms >= size && ms % size === 0) ?? [SECOND_MS, 's'];
  return `${Math.round(ms / size)}${unit}`;
};
