import { type DestinationStream, type Level, type Logger, pino } from 'pino';
import { openLogStream } from './log-stream.js';

/** Members of these names never reach a log, at the top of a line or one level down. */
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

/**
 * Makes the logger of a program: one JSON object a line, keys, passwords and captured output taken out by name. Give
 * each part of the program a child of it that carries its scope (`org`, `node`, `job`).
 */
export const createLogger = ({ level, destination = openLogStream(1) }: LoggerOptions): Logger => {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
  };
  return pino(options, destination);
};
