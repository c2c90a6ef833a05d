import { AppError } from '../shared/lib/app-error.js';
import { JOB_ID } from '../shared/protocol/client-message.js';
import { printable } from './output/printable.js';

/** Returns the text if it is a well-formed job ID; throws an AppError otherwise. */
export const parseJobId = (text: string): string => {
  if (JOB_ID.test(text)) return text;
  throw new AppError(
    'bad_job_id',
    `'${printable(text)}' is not a job ID: a job ID has 32 characters, 0 to 9 and a to f`,
  );
};
