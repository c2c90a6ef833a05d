import { AppError } from '../../shared/lib/app-error.js';

const FORM = /^(\d{1,9})(%?)$/;

/** Throws an AppError if the text is not a quorum, `N` or `N%`. */
export const validateQuorum = (text: string): void => {
  parseQuorum(text, 0);
};

/**
 * Returns how many of `nodeCount` nodes a quorum of `N` or `N%` requires, rounded up; throws an AppError for any other
 * text.
 */
export const parseQuorum = (text: string, nodeCount: number): number => {
  const [, digits, percent] = FORM.exec(text) ?? [];
  if (digits === undefined)
    throw new AppError('bad_quorum', 'Invalid Format please enter integer or percent');
  return percent === '%' ? Math.ceil((nodeCount * Number(digits)) / 100) : Number(digits);
};
