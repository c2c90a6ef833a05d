import type { CliEnvironment, OutputStream } from '../cli-environment.js';

/** Whether a stream is a terminal on which lines can be drawn anew and in colours: no pipe, and none that is `dumb`. */
export const isScreen = ({ env }: Pick<CliEnvironment, 'env'>, stream: OutputStream): boolean =>
  stream.isTTY === true && env.TERM !== 'dumb';

/** How many characters a line of a terminal holds; undefined where it does not know: many say 0 then. */
export const columnsOf = ({ columns }: OutputStream): number | undefined =>
  columns === 0 ? undefined : columns;

/** How many lines a terminal holds; undefined where it does not know. */
export const rowsOf = ({ rows }: OutputStream): number | undefined => (rows === 0 ? undefined : rows);
