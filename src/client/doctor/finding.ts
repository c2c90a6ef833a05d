/** What a check has found, in words for an operator. */
export interface Finding {
  /** A `fault` keeps the node from being available; a `warning` may do so some day. */
  readonly level: 'ok' | 'warning' | 'fault';
  /** What was looked at. */
  readonly subject: string;
  readonly text: string;
}

/** Makes findings about one subject. */
export const about = (subject: string) => ({
  ok: (text: string): Finding => ({ level: 'ok', subject, text }),
  warning: (text: string): Finding => ({ level: 'warning', subject, text }),
  fault: (text: string): Finding => ({ level: 'fault', subject, text }),
});

const LABELS: Readonly<Record<Finding['level'], string>> = { ok: 'ok', warning: 'WARNING', fault: 'FAULT' };

/** A finding as one line. */
export const formatFinding = ({ level, subject, text }: Finding): string =>
  `${LABELS[level].padEnd(8)} ${subject.padEnd(12)} ${text}\n`;
