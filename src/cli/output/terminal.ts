import type { CliEnvironment, OutputStream } from '../cli-environment.js';

/** Whether a stream is a terminal that supports redrawing and colours: not a pipe, and not `TERM=dumb`. */
export const supportsAnsi = ({ env }: Pick<CliEnvironment, 'env'>, stream: OutputStream): boolean =>
  stream.isTTY === true && env.TERM !== 'dumb';

/** Returns the terminal width in characters; undefined if it is unknown, which many terminals report as 0. */
export const columnsOf = ({ columns }: OutputStream): number | undefined =>
  columns === 0 ? undefined : columns;

/** Returns the terminal height in lines; undefined if it is unknown. */
export const rowsOf = ({ rows }: OutputStream): number | undefined => (rows === 0 ? undefined : rows);
