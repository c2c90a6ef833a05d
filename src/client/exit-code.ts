/**
 * How the program ends, as sysexits.h numbers it. What the Chef Server could mend (it is away, or refuses us) never ends
 * the program: it logs the reason and tries again, so that a node comes back by itself when the server is mended. What
 * is wrong on this machine ends it at once with CONFIGURATION, which a service manager should not restart (systemd:
 * `RestartPreventExitStatus=64 78`).
 */
export const EXIT_CODE = {
  /** Stopped by a signal, or help or version was asked for. */
  OK: 0,
  /** The doctor found a fault. */
  UNWELL: 1,
  /** The command line is wrong. */
  USAGE: 64,
  /** A bug. */
  INTERNAL: 70,
  /** Another client of this node runs on this machine. */
  BUSY: 75,
  /**
   * Settings, key or certificates are wrong, the state folder or the log cannot be used, or the server does not encrypt
   * and `allow_unencrypted` is not set.
   */
  CONFIGURATION: 78,
} as const;
