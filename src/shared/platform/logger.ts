import { type DestinationStream, type Level, type Logger, pino } from 'pino';
import { openLogStream } from './log-stream.js';

/** Members with these names are never logged: those of a line, of objects in it, and of its error. */
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

export interface LoggerOptions {
  /** Lines below this level are not logged. */
  readonly level: Level;
  /** Default: standard output. */
  readonly destination?: DestinationStream;
}

/** The children of a logger that are still in use, so that their level can be changed. */
class ChildLoggers {
  private readonly children = new Set<WeakRef<Logger>>();
  private readonly collected = new FinalizationRegistry<WeakRef<Logger>>((child) =>
    this.children.delete(child),
  );

  add(child: Logger): void {
    const reference = new WeakRef(child);
    this.children.add(reference);
    this.collected.register(child, reference);
  }

  setLevel(level: Level): void {
    for (const child of this.children) {
      const logger = child.deref();
      if (logger !== undefined) logger.level = level;
    }
  }
}

const childrenOf = new WeakMap<Logger, ChildLoggers>();

/** Objects that are nested deeper are not logged. */
const MAX_DEPTH = 5;

const isSecret = (name: string): boolean => SECRET_NAMES.includes(name);

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !(value instanceof Date);

/** Returns the value without secrets at any depth. */
const withoutSecrets = (value: unknown, depth = 1): unknown => {
  if (!isObject(value)) return value;
  if (depth > MAX_DEPTH) return '[object]';
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, depth + 1));
  const members = Object.entries(value);
  return Object.fromEntries(
    members.map(([name, inner]) => [name, isSecret(name) ? '[secret]' : withoutSecrets(inner, depth + 1)]),
  );
};

/** Only for lines with objects besides their error: to have pino search every field of every line is expensive. */
const withCleanObjects = (fields: Record<string, unknown>): Record<string, unknown> => {
  const names = Object.keys(fields).filter((name) => name !== 'err' && isObject(fields[name]));
  return names.length === 0
    ? fields
    : { ...fields, ...Object.fromEntries(names.map((name) => [name, withoutSecrets(fields[name])])) };
};

/**
 * Creates the logger of a program: one JSON object per line, without keys, passwords and captured output. Each part of
 * the program gets a child logger with its scope (`org`, `node`, `job`) as texts.
 */
export const createLogger = ({ level, destination = openLogStream(1) }: LoggerOptions): Logger => {
  const childLoggers = new ChildLoggers();
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: withCleanObjects },
    redact: { paths: SECRET_NAMES.flatMap((name) => [name, `err.${name}`]), censor: '[secret]' },
    onChild: (child: Logger) => childLoggers.add(child),
  };
  const logger = pino(options, destination);
  childrenOf.set(logger, childLoggers);
  return logger;
};

/** Changes the level of a logger from `createLogger` and of all its children, which have levels of their own. */
export const setLogLevel = (logger: Logger, level: Level): void => {
  logger.level = level;
  childrenOf.get(logger)?.setLevel(level);
};
