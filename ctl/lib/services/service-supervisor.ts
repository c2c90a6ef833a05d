import type { Owner } from '../files.js';

/** Verbs of the command line that control the service, with their help texts. */
export const VERBS = {
  start: 'Start the service, and again whenever it ends.',
  stop: 'Stop the service.',
  restart: 'Stop the service if it runs, and start it.',
  once: 'Start the service, but not again when it ends.',
  hup: 'Send the service a HUP: it reads its settings again.',
  int: 'Send the service an INT.',
  term: 'Send the service a TERM.',
  kill: 'Send the service a KILL.',
  'graceful-kill': 'Stop the service; kill it if that takes too long.',
  usr1: 'Send the service a USR1.',
  usr2: 'Send the service a USR2.',
} as const;

export type Verb = keyof typeof VERBS;

/** The outcome of a verb: runit's status lines, and the exit code. */
export interface ServiceOutcome {
  readonly code: number;
  readonly text: string;
}

/** Exit codes of `status`. */
export const STATUS_CODE = { running: 0, down: 3, unknown: 4 } as const;

/** Returns the process id of the service from its `status`; undefined if it does not run. */
export const pidIn = ({ code, text }: ServiceOutcome): number | undefined => {
  // The line of a stopped service may name the process of its running logger.
  const pid = code === STATUS_CODE.running ? /\(pid (\d+)\)/.exec(text)?.[1] : undefined;
  return pid === undefined ? undefined : Number(pid);
};

/** Seconds that start, stop and restart wait before they report `timeout:`. */
export const VERB_SECONDS = 7;

/** How to run the service. */
export interface ServiceDefinition {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly userName: string;
  /** Undefined if this process already runs as that user. */
  readonly switchTo: Owner | undefined;
  readonly logs: string;
  /** Bytes per log file, and how many files are kept. */
  readonly logRotation: { readonly file_maxbytes: number; readonly num_to_keep: number };
}

/** Runs the service and restarts it when it ends: runit or systemd. */
export interface ServiceSupervisor {
  /** Name for messages: `Chef Server's runit`, `systemd`. */
  readonly title: string;
  /** Writes and enables the service's definition, without starting or restarting it. Returns a line per change. */
  install(definition: ServiceDefinition): Promise<string[]>;
  /** Stops the service and removes its definition. Returns a line per change. */
  remove(): Promise<string[]>;
  isEnabled(): boolean;
  /** Returns the name of the program that rotates the log, if it is not installed. */
  missingLogRotator(): string | undefined;
  status(): Promise<ServiceOutcome>;
  /** `seconds`: how long a verb that waits may take (default 7). */
  control(verb: Verb, seconds?: number): Promise<ServiceOutcome>;
}
