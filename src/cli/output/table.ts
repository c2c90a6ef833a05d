import stringWidth from 'string-width';
import type { OutputStream } from '../cli-environment.js';
import { columnsOf } from './terminal.js';

const GAP = '  ';

/** In characters; applies even if the terminal is narrower. */
const MIN_LAST_COLUMN_WIDTH = 8;

/**
 * Formats rows as aligned columns without trailing spaces. If `width` (characters) is given, cells of the last column
 * are truncated to fit; they must not contain colours then.
 */
export const formatTable = (rows: readonly (readonly string[])[], width = Infinity): string[] => {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
    });
  }
  const last = widths.length - 1;
  const otherColumns = widths.slice(0, last).reduce((sum, column) => sum + column + GAP.length, 0);
  const lastWidth = Math.max(MIN_LAST_COLUMN_WIDTH, width - otherColumns);
  const pad = (cell: string, column: number): string =>
    cell + ' '.repeat((widths[column] ?? 0) - stringWidth(cell));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === last ? cutLastCell(cell, lastWidth) : pad(cell, column)))
      .join(GAP)
      .trimEnd(),
  );
};

/** Returns the cell unchanged without a limit, because a cell with colours must not be truncated. */
const cutLastCell = (cell: string, width: number): string =>
  width === Infinity ? cell : truncateToWidth(cell, width);

/** Returns the width of the stream's terminal in characters; undefined if it is no terminal or the width is unknown. */
export const terminalWidth = (stream: OutputStream): number | undefined =>
  stream.isTTY === true ? columnsOf(stream) : undefined;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Truncates a text with an ellipsis if it is wider than `width` characters on a terminal. */
export const truncateToWidth = (text: string, width: number): string => {
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
