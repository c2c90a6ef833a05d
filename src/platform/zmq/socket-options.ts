/**
 * What every listening TCP socket sets against peers that stall, vanish or flood: all times in milliseconds but those
 * of TCP keepalive, which are seconds.
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
  /** What a stopped server has not sent is worth nothing to anyone. */
  linger: 0,
  /** A send succeeds or fails at once, so one slow peer never holds up the others. */
  sendTimeout: 0,
} as const;
