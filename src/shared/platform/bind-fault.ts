import { AppError, messageOf } from '../lib/app-error.js';

/** What is thrown where nobody can listen on an address: it is taken, not one of this machine, or otherwise of no use. */
export const bindFault = (address: string, thrown: unknown): AppError => {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return code === 'EADDRINUSE'
    ? new AppError(
        'address_in_use',
        `${address} is in use by another program; stop that, or choose another port`,
      )
    : new AppError('address_unusable', `cannot listen on ${address}: ${messageOf(thrown)}`);
};
