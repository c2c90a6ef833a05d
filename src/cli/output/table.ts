import stringWidth from 'string-width';

const GAP = '  ';

/**
 * Rows of text in columns that line up, without spaces at the ends of lines. Where `width` (characters) is given, lines
 * are cut to it.
 */
export const formatTable = (rows: readonly (readonly string[])[], width?: number): string[] => {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
    });
  }
  const pad = (cell: string, column: number): string =>
    cell + ' '.repeat((widths[column] ?? 0) - stringWidth(cell));
  const lines = rows.map((row) => row.map(pad).join(GAP).trimEnd());
  return width === undefined ? lines : lines.map((line) => cutToWidth(line, width));
};

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
