/** What a check of a `doctor` command found. */
export interface Finding {
  /** `fault`: something does not work; `warning`: it works, but may fail later. */
  readonly level: 'ok' | 'warning' | 'fault';
  readonly text: string;
  /** What to do about it. */
  readonly remedy?: string;
}
