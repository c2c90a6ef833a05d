import type { Owner } from '../files.js';

/** What can be done to a service, in the words of the command line. */
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

/** How a verb went: lines as runit writes them, and the code to exit with. */
export interface ServiceOutcome {
  readonly code: number;
  readonly text: string;
}

/** Exit codes of `status`. */
export const STATUS_CODE = { running: 0, down: 3, unknown: 4 } as const;

/** The process that the service runs as, by what its `status` says; undefined where it does not run. */
export const pidIn = ({ code, text }: ServiceOutcome): number | undefined => {
  // A service that is down may have a log that runs, with a number of its own.
  const pid = code === STATUS_CODE.running ? /\(pid (\d+)\)/.exec(text)?.[1] : undefined;
  return pid === undefined ? undefined : Number(pid);
};

/** Seconds that start, stop and restart wait until they call it a `timeout:`. */
export const VERB_SECONDS = 7;

/** All that must be known to run the service. */
export interface ServiceDefinition {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly userName: string;
  /** Undefined where this process already is that user. */
  readonly switchTo: Owner | undefined;
  readonly logs: string;
  /** Bytes of one log file, and how many are kept. */
  readonly logRotation: { readonly file_maxbytes: number; readonly num_to_keep: number };
}

/** What runs the service and starts it again when it ends. */
export interface Supervisor {
  /** For messages: `Chef Server's runit`, `systemd`. */
  readonly title: string;
  /** Writes the service's files and has it supervised; says what it did. It is neither started nor restarted. */
  install(definition: ServiceDefinition): Promise<string[]>;
  /** Stops the service and removes its files; says what it did. */
  remove(): Promise<string[]>;
  isEnabled(): boolean;
  /** The program that rotates the log, where it is another's and not on this machine. */
  missingRotator(): string | undefined;
  status(): Promise<ServiceOutcome>;
  /** `seconds`: how long to wait where the verb waits (default 7). */
  act(verb: Verb, seconds?: number): Promise<ServiceOutcome>;
}
