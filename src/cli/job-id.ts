import { AppError } from '../shared/lib/app-error.js';
import { JOB_ID } from '../shared/protocol/client-message.js';
import { printable } from './output/printable.js';

/** The text where it can be the id of a job; throws an AppError where not. */
export const readJobId = (text: string): string => {
  if (JOB_ID.test(text)) return text;
  throw new AppError(
    'bad_job_id',
    `'${printable(text)}' is not the id of a job: that is 32 digits and letters from a to f`,
  );
};
