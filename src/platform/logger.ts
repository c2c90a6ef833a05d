import { type DestinationStream, type Level, type Logger, pino } from 'pino';
import { openLogStream } from './log-stream.js';

/** Members of these names never reach a log, at the top of a line or in its error. */
const SECRET_NAMES = [
  'key',
  'sessionKey',
  'session_key',
  'secretKey',
  'privateKey',
  'rsaPrivateKey',
  'curve_secret_key',
  'session_seal_key',
  'pushy_priv_key',
  'superuser_key',
  'sql_password',
  'password',
  'authorization',
  'stdout',
  'stderr',
] as const;

/** How a program logs. */
export interface LoggerOptions {
  /** What stands below this level is left out. */
  readonly level: Level;
  /** Where the lines go; standard output where it is left out. */
  readonly destination?: DestinationStream;
}

/** What was made of a logger, so that its level can be changed: children that are still in use, and which. */
class Family {
  private readonly children = new Set<WeakRef<Logger>>();
  private readonly gone = new FinalizationRegistry<WeakRef<Logger>>((child) => this.children.delete(child));

  add(child: Logger): void {
    const reference = new WeakRef(child);
    this.children.add(reference);
    this.gone.register(child, reference);
  }

  setLevel(level: Level): void {
    for (const child of this.children) {
      const logger = child.deref();
      if (logger !== undefined) logger.level = level;
    }
  }
}

const families = new WeakMap<Logger, Family>();

type Fields = Record<string, unknown>;

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** Only in the error are names looked for further down, which is dear: no other field of a line may hold an object. */
const withoutObjects = (fields: Fields): Fields => {
  const isHidden = (name: string): boolean => name !== 'err' && isObject(fields[name]);
  const names = Object.keys(fields);
  return names.some(isHidden)
    ? Object.fromEntries(names.map((name) => [name, isHidden(name) ? '[object]' : fields[name]]))
    : fields;
};

/**
 * Makes the logger of a program: one JSON object a line, keys, passwords and captured output taken out by name. The fields
 * of a line are flat but for `err`; of any other object only `[object]` is written. Give each part of the program a child
 * of it that carries its scope (`org`, `node`, `job`).
 */
export const createLogger = ({ level, destination = openLogStream(1) }: LoggerOptions): Logger => {
  const family = new Family();
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: withoutObjects },
    redact: { paths: SECRET_NAMES.flatMap((name) => [name, `err.${name}`]), censor: '[secret]' },
    onChild: (child: Logger) => family.add(child),
  };
  const logger = pino(options, destination);
  families.set(logger, family);
  return logger;
};

/** Changes the level of a logger that `createLogger` made, and of all its children: pino gives each its own. */
export const setLogLevel = (logger: Logger, level: Level): void => {
  logger.level = level;
  families.get(logger)?.setLevel(level);
};
