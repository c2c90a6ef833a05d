import { EXIT_BUG } from '../shared/platform/unhandled-errors.js';

/**
 * Exit codes, numbered as in sysexits.h. A problem of the Chef Server (unreachable, or it rejects us) never ends the
 * program: the client logs the reason and tries again, so that the node recovers without help. A problem of this
 * machine ends it at once with CONFIGURATION; service managers must not restart it then (systemd:
 * `RestartPreventExitStatus=64 78`).
 */
export const EXIT_CODE = {
  /** Stopped by a signal, or help or version was shown. */
  OK: 0,
  /** The doctor found a fault. */
  FAULT_FOUND: 1,
  /** The command line is wrong. */
  USAGE: 64,
  /** A bug. */
  INTERNAL: EXIT_BUG,
  /** Another client of the same node runs on this machine. */
  BUSY: 75,
  /**
   * Settings, key or certificates are invalid, the state folder or the log is unusable, or the server does not
   * encrypt and `allow_unencrypted` is not set.
   */
  CONFIGURATION: 78,
} as const;
