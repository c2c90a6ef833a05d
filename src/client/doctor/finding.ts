import type { Finding } from '../../shared/lib/finding.js';

/** A finding about one subject. A `fault` keeps the node from being available. */
export interface SubjectFinding extends Finding {
  /** What was checked. */
  readonly subject: string;
}

/** Makes findings about one subject. */
export const about = (subject: string) => ({
  ok: (text: string): SubjectFinding => ({ level: 'ok', subject, text }),
  warning: (text: string): SubjectFinding => ({ level: 'warning', subject, text }),
  fault: (text: string): SubjectFinding => ({ level: 'fault', subject, text }),
});

const LABELS: Readonly<Record<Finding['level'], string>> = { ok: 'ok', warning: 'WARNING', fault: 'FAULT' };

/** Formats a finding as one line. */
export const formatFinding = ({ level, subject, text }: SubjectFinding): string =>
  `${LABELS[level].padEnd(8)} ${subject.padEnd(14)} ${text}\n`;
