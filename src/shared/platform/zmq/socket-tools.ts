import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Readable, Socket } from 'zeromq';
import { bindError } from '../bind-error.js';

/**
 * Options of all listening sockets against peers that stall, vanish or flood. Times are in milliseconds, those of TCP
 * keepalive in seconds.
 *
 * ZMTP heartbeats are off on purpose: clients in the field have libzmq 4.0, which passes each PING to its program as a
 * message, and libzmq 4.3 sends them to every peer. TCP keepalive detects a dead connection, missing heartbeats detect a
 * dead node.
 */
export const LISTENER_OPTIONS = {
  /** A connection without a completed handshake is closed after this time. */
  handshakeInterval: 10_000,
  /** Connections that the kernel queues: after a restart all nodes connect at once. */
  backlog: 4096,
  /** Detects a vanished peer after 70 seconds of silence. */
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 30,
  tcpKeepaliveInterval: 10,
  tcpKeepaliveCount: 4,
  /** Detects a peer that vanished with unacknowledged bytes, when keepalive does not probe. */
  tcpMaxRetransmitTimeout: 60_000,
  /** Unsent messages of a stopped server are useless. */
  linger: 0,
  /** A send succeeds or fails at once, so that a slow peer does not delay the others. */
  sendTimeout: 0,
} as const;

/** A client closes a connection whose handshake takes longer, in milliseconds, and reconnects. */
export const CLIENT_HANDSHAKE_MS = 5000;

/**
 * How a client connects and reconnects. A short cut of the network must not become a long one, so the delay between two
 * attempts does not grow: libzmq waits a random time between one and two times the interval. An attempt that gets no
 * reply ends soon, because the kernel would repeat its packets at ever longer intervals. Times are in milliseconds.
 */
export const CLIENT_CONNECT_OPTIONS = {
  reconnectInterval: 400,
  reconnectMaxInterval: 0,
  connectTimeout: 1500,
  handshakeInterval: CLIENT_HANDSHAKE_MS,
} as const;

/**
 * Binds a socket and resolves to the bound address, which has the actual port if `*` was requested. Throws an AppError
 * that names the address if that fails.
 */
export const bindSocket = async (socket: Socket, address: string): Promise<string> => {
  try {
    await socket.bind(address);
  } catch (thrown) {
    throw bindError(address, thrown);
  }
  return socket.lastEndpoint ?? address;
};

/**
 * Passes each message of a socket to `handle`; resolves when the socket is closed. If `handle` throws or the socket fails,
 * `onFault` is called and reading continues.
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
      await nextTurn(); // a socket that fails again and again must not block the event loop
    }
  }
};
