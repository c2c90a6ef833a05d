/**
 * What every listening TCP socket sets against peers that stall, vanish or flood: all times in milliseconds but those
 * of TCP keepalive, which are seconds.
 *
 * ZMTP heartbeats are left off on purpose: clients in the field bring libzmq 4.0, which knows none and would hand each
 * PING to its program as a message, while libzmq 4.3 sends them whatever the peer. A dead connection shows by TCP
 * keepalive, and a dead node by its missing heartbeats.
 */
export const LISTENER_OPTIONS = {
  /** A connection that has not shown its key by then is closed. */
  handshakeInterval: 10_000,
  /** Connections that the kernel holds for us: after a restart all nodes come at once. */
  backlog: 4096,
  /** A peer that vanished without a word is noticed after a good minute of silence. */
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 30,
  tcpKeepaliveInterval: 10,
  tcpKeepaliveCount: 4,
  /** The same for a peer that vanished while something was on its way to it, when keepalive does not ask. */
  tcpMaxRetransmitTimeout: 60_000,
  /** What a stopped server has not sent is worth nothing to anyone. */
  linger: 0,
  /** A send succeeds or fails at once, so one slow peer never holds up the others. */
  sendTimeout: 0,
} as const;

/** A connection whose server has not shown who it is by then, in milliseconds, is closed and tried for again. */
export const CLIENT_HANDSHAKE_MS = 5000;
