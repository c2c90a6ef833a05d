import type { Socket } from 'zeromq';
import { bindFault } from '../bind-fault.js';

/**
 * Binds a socket; throws an AppError that names the address where it is taken, not one of this machine, or otherwise
 * of no use. Resolves to the address that was bound, which tells the port where `*` was asked for.
 */
export const bindSocket = async (socket: Socket, address: string): Promise<string> => {
  try {
    await socket.bind(address);
  } catch (thrown) {
    throw bindFault(address, thrown);
  }
  return socket.lastEndpoint ?? address;
};
