import { AppError } from '../../shared/lib/app-error.js';

const FORM = /^(\d{1,9})(%?)$/;

/** Throws an AppError where the text is no quorum: neither `N` nor `N%`. */
export const checkQuorum = (text: string): void => {
  readQuorum(text, 0);
};

/** How many of `nodeCount` nodes a quorum of `N` or `N%` asks for, rounded up; throws an AppError for any other text. */
export const readQuorum = (text: string, nodeCount: number): number => {
  const [, digits, percent] = FORM.exec(text) ?? [];
  if (digits === undefined)
    throw new AppError('bad_quorum', 'Invalid Format please enter integer or percent');
  return percent === '%' ? Math.ceil((nodeCount * Number(digits)) / 100) : Number(digits);
};
