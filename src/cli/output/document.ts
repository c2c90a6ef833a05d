import { stringify } from 'yaml';

/** The forms of output: text for people, or one document for programs. */
export const FORMATS = ['summary', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** A value as a document for programs, with a line break at its end. */
export const formatDocument = (format: Exclude<Format, 'summary'>, value: unknown): string =>
  format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : stringify(value, { lineWidth: 0 });
