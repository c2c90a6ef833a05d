#!/usr/bin/env node
import { homedir } from 'node:os';
import { systemClock } from '../shared/lib/clock.js';
import { EXIT } from './exit-code.js';
import { runCli } from './run-cli.js';
import { errorCode } from '../shared/lib/app-error.js';

/** Exits without an error message if the reader closes the output early, as in `push-jobs job list | head`. */
const exitOnBrokenPipe = (thrown: Error): void => {
  if (errorCode(thrown) === 'EPIPE') process.exit(EXIT.brokenPipe);
  throw thrown;
};

process.stdout.on('error', exitOnBrokenPipe);
process.stderr.on('error', exitOnBrokenPipe);

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  home: homedir(),
  clock: systemClock,
  onInterrupt: (handler) => {
    process.on('SIGINT', handler);
    return () => process.off('SIGINT', handler);
  },
});
