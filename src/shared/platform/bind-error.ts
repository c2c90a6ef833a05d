import { once } from 'node:events';
import type { AddressInfo, ListenOptions, Server } from 'node:net';
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

/** Listens and resolves to the bound port. Throws an AppError that names the address if that fails. */
export const listenOn = async (server: Server, address: string, options: ListenOptions): Promise<number> => {
  server.listen(options);
  try {
    await once(server, 'listening');
  } catch (thrown) {
    throw bindError(address, thrown);
  }
  return (server.address() as AddressInfo).port;
};
