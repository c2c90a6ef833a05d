import { setImmediate } from 'node:timers/promises';
import type { Readable, Socket } from 'zeromq';

/**
 * Hands each message of a socket to `handle`, until the socket is closed; resolves then. Neither a handler that throws
 * nor an error of the socket ends it: `onFault` is told, and the next message is read.
 */
export const receiveUntilClosed = async (
  socket: Socket & Readable,
  handle: (frames: Buffer[]) => void,
  onFault: (thrown: unknown) => void,
): Promise<void> => {
  for (;;) {
    try {
      handle(await socket.receive());
    } catch (thrown) {
      if (socket.closed) return;
      onFault(thrown);
      await setImmediate(); // a socket that fails at once must not keep the process from everything else
    }
  }
};
