import { UsageError } from '../../shared/lib/usage-error.js';

const FORM = /^(\d{1,9})(%?)$/;

/** Throws a UsageError if `--batch` is not a number of at least 1 or a percentage from 1 to 100. */
export const validateBatchSize = (text: string): void => {
  const [, digits, percent] = FORM.exec(text) ?? [];
  const isValid = Number(digits) >= 1 && (percent === '' || Number(digits) <= 100);
  if (!isValid)
    throw new UsageError(`--batch must be a number of nodes or a percentage, like 5 or 10%, not '${text}'`);
};

/** Splits nodes into batches of `N` nodes or of `N%` of all nodes, rounded up; the last batch may be smaller. */
export const splitIntoBatches = (nodes: readonly string[], size: string): string[][] => {
  const count = size.endsWith('%')
    ? Math.ceil((nodes.length * Number(size.slice(0, -1))) / 100)
    : Number(size);
  const batches: string[][] = [];
  for (let start = 0; start < nodes.length; start += count) batches.push(nodes.slice(start, start + count));
  return batches;
};
