import stringWidth from 'string-width';
import type { OutputStream } from '../cli-environment.js';
import { columnsOf } from './terminal.js';

const GAP = '  ';

/** The last column keeps so much, however narrow the terminal is. */
const LEAST_LAST_COLUMN = 8;

/**
 * Rows of text in columns that line up, without spaces at the ends of lines. Where `width` (characters) is given, the
 * last column of the widest rows is cut so that lines fit; it must not have colours then.
 */
export const formatTable = (rows: readonly (readonly string[])[], width = Infinity): string[] => {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
    });
  }
  const last = widths.length - 1;
  const before = widths.slice(0, last).reduce((sum, one) => sum + one + GAP.length, 0);
  const room = Math.max(LEAST_LAST_COLUMN, width - before);
  const pad = (cell: string, column: number): string =>
    cell + ' '.repeat((widths[column] ?? 0) - stringWidth(cell));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === last ? fit(cell, room) : pad(cell, column)))
      .join(GAP)
      .trimEnd(),
  );
};

/** Nothing is cut where there is no limit, so that colours stay whole. */
const fit = (cell: string, room: number): string => (room === Infinity ? cell : cutToWidth(cell, room));

/** How wide the lines for a stream may be: as its terminal is; undefined where it is none. */
export const widthOf = (stream: OutputStream): number | undefined =>
  stream.isTTY === true ? columnsOf(stream) : undefined;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The text where it fits into `width` characters of a terminal, else its beginning and an ellipsis. */
export const cutToWidth = (text: string, width: number): string => {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let used = 1; // the ellipsis
  for (const { segment } of graphemes.segment(text)) {
    used += stringWidth(segment);
    if (used > width) break;
    kept += segment;
  }
  return `${kept}…`;
};
