/** Who did something, as far as that is known, and from where. */
export interface Actor {
  readonly orgName: string;
  readonly name: string;
  readonly type?: 'user' | 'client';
  /** IP addresses, nearest first. */
  readonly from: readonly string[];
}

/** What was done that people may want to know of later. */
export type AuditAction = 'job_start' | 'job_abort' | 'node_key';

/** Under this token the audit log is injected. */
export const AUDIT = Symbol('AUDIT');

/** Writes down who did what, from where, to which nodes, and how it ended: one log line each, of the scope `audit`. */
export interface Audit {
  /** `about` tells which job, command and nodes; never a key. */
  record(action: AuditAction, who: Actor, outcome: string, about: AuditDetails): void;
}

export interface AuditDetails {
  readonly job?: string;
  readonly command?: string;
  /** Whom the command runs as. */
  readonly runAs?: string;
  readonly nodes?: readonly string[];
}
