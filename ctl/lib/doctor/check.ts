import type { Finding } from '../../../src/shared/lib/finding.js';
import type { Installation } from '../installation.js';
import type { HaRole } from '../ha-role.js';

/**
 * Checks one thing that the server needs to work, or that a standby needs to take over. Problems are findings; it throws
 * only for an unexpected error.
 */
export interface Check {
  readonly name: string;
  run(installation: Installation, haRole: HaRole): Promise<Finding[]>;
}

/** It works. */
export const ok = (text: string): Finding => ({ level: 'ok', text });

/** Something does not work; `remedy` says what to do. */
export const fault = (text: string, remedy: string): Finding => ({ level: 'fault', text, remedy });

/** It works, but not well, or not for long; `remedy` says what to do. */
export const warning = (text: string, remedy: string): Finding => ({
  level: 'warning',
  text,
  remedy,
});
