import { type DestinationStream, type Level, type Logger, pino } from 'pino';
import { openLogStream } from './log-stream.js';

/** Members of these names never reach a log: of a line, of the objects in it, of its error. */
const SECRET_NAMES: readonly string[] = [
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
];

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

/** What lies deeper in a line is not written. */
const MAX_DEPTH = 5;

const isSecret = (name: string): boolean => SECRET_NAMES.includes(name);

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !(value instanceof Date);

/** The value without secrets, however far down they stand. */
const withoutSecrets = (value: unknown, depth = 1): unknown => {
  if (!isObject(value)) return value;
  if (depth > MAX_DEPTH) return '[object]';
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, depth + 1));
  const members = Object.entries(value);
  return Object.fromEntries(
    members.map(([name, inner]) => [name, isSecret(name) ? '[secret]' : withoutSecrets(inner, depth + 1)]),
  );
};

/** Few lines hold objects besides their error: pino would look through every field of all of them, which is dear. */
const withCleanObjects = (fields: Record<string, unknown>): Record<string, unknown> => {
  const names = Object.keys(fields).filter((name) => name !== 'err' && isObject(fields[name]));
  return names.length === 0
    ? fields
    : { ...fields, ...Object.fromEntries(names.map((name) => [name, withoutSecrets(fields[name])])) };
};

/**
 * Makes the logger of a program: one JSON object a line, keys, passwords and captured output taken out by name. Give
 * each part of the program a child of it that carries its scope (`org`, `node`, `job`), as texts.
 */
export const createLogger = ({ level, destination = openLogStream(1) }: LoggerOptions): Logger => {
  const family = new Family();
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: withCleanObjects },
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
