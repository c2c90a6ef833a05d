import { UsageError } from '../../shared/lib/usage-error.js';

const FORM = /^(\d{1,9})(%?)$/;

/** Throws a UsageError where `--batch` is neither a number nor a percentage from 1 on. */
export const checkBatchSize = (text: string): void => {
  const [, digits, percent] = FORM.exec(text) ?? [];
  const isPossible = Number(digits) >= 1 && (percent === '' || Number(digits) <= 100);
  if (!isPossible)
    throw new UsageError(`--batch must be a number of nodes or a percentage, like 5 or 10%, not '${text}'`);
};

/** Cuts nodes into batches of `N` each, or of `N%` of them all, rounded up; the last one may be smaller. */
export const cutIntoBatches = (nodes: readonly string[], size: string): string[][] => {
  const count = size.endsWith('%')
    ? Math.ceil((nodes.length * Number(size.slice(0, -1))) / 100)
    : Number(size);
  const batches: string[][] = [];
  for (let start = 0; start < nodes.length; start += count) batches.push(nodes.slice(start, start + count));
  return batches;
};
