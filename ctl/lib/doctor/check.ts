import type { Installation } from '../installation.js';
import type { Standing } from '../ha-role.js';

/** What a check found. */
export type Finding =
  | { readonly kind: 'good'; readonly text: string }
  | { readonly kind: 'warning' | 'bad'; readonly text: string; readonly mend: string };

/**
 * One thing that must be right for the server to work, or on a standby for it to take over. It finds what is wrong, and
 * throws only for what it did not expect.
 */
export interface Check {
  readonly name: string;
  run(installation: Installation, standing: Standing): Promise<Finding[]>;
}

export const good = (text: string): Finding => ({ kind: 'good', text });

/** Something is wrong; `mend` says what to do. */
export const bad = (text: string, mend: string): Finding => ({ kind: 'bad', text, mend });

/** It works, but not for ever or not well. */
export const warning = (text: string, mend: string): Finding => ({ kind: 'warning', text, mend });
