import type { Socket } from 'zeromq';
import { AppError, messageOf } from '../../lib/app-error.js';

/**
 * Binds a socket; throws an AppError that names the address where it is taken, not one of this machine, or otherwise
 * of no use. Resolves to the address that was bound, which tells the port where `*` was asked for.
 */
export const bindSocket = async (socket: Socket, address: string): Promise<string> => {
  try {
    await socket.bind(address);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (code === 'EADDRINUSE') {
      throw new AppError(
        'address_in_use',
        `${address} is in use by another program; stop that, or choose another port`,
      );
    }
    throw new AppError('address_unusable', `cannot listen on ${address}: ${messageOf(thrown)}`);
  }
  return socket.lastEndpoint ?? address;
};
