const RFC_1123 =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} (?:GMT|-0000|\+0000)$/;
const CHEF_TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/** Formats milliseconds since 1970 as RFC 1123 GMT, the format of frames and of dates in REST responses. */
export const formatRfc1123 = (ms: number): string => new Date(ms).toUTCString();

/** Parses an RFC 1123 GMT date to milliseconds since 1970; undefined if it is invalid. */
export const parseRfc1123 = (text: string): number | undefined => {
  if (!RFC_1123.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
};

/** Formats milliseconds since 1970 as ISO 8601 UTC to the second, the format of `X-Ops-Timestamp`. */
export const formatChefTimestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** Parses an `X-Ops-Timestamp` to milliseconds since 1970; undefined if it is not ISO 8601 UTC to the second. */
export const parseChefTimestamp = (text: string): number | undefined => {
  if (!CHEF_TIMESTAMP.test(text)) return undefined;
  const ms = Date.parse(text);
  // Date.parse reads February 30 as March 2.
  return Number.isNaN(ms) || formatChefTimestamp(ms) !== text ? undefined : ms;
};

/** Formats microseconds since 1970 for feeds: `2026-11-22 08:00:01.123456Z`. */
export const formatFeedTimestamp = (micros: number): string => {
  const ms = Math.floor(micros / 1000);
  const fraction = String(micros - ms * 1000).padStart(3, '0');
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', `${fraction}Z`);
};

const FEED_TIMESTAMP = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}\.\d{3})(\d{3})Z$/;

/** Parses a timestamp of a feed to microseconds since 1970; undefined if it is invalid. */
export const parseFeedTimestamp = (text: string): number | undefined => {
  const [, day, time, micros] = FEED_TIMESTAMP.exec(text) ?? [];
  const ms = Date.parse(`${day}T${time}Z`);
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number(micros);
};
