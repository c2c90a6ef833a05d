import { AppError, errorCode, messageOf } from '../lib/app-error.js';

/** Explains why it is not possible to listen on an address. */
export const bindError = (address: string, thrown: unknown): AppError => {
  const code = errorCode(thrown);
  return code === 'EADDRINUSE'
    ? new AppError(
        'address_in_use',
        `${address} is in use by another program; stop that, or choose another port`,
      )
    : new AppError('address_unusable', `cannot listen on ${address}: ${messageOf(thrown)}`);
};
