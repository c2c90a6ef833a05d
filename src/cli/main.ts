#!/usr/bin/env node
import { homedir } from 'node:os';
import { systemClock } from '../shared/lib/clock.js';
import { EXIT } from './exit-code.js';
import { runCli } from './run-cli.js';

/** A reader that has seen enough (`push-jobs job list | head`) is no fault, but a job may go on unwatched. */
const endQuietlyWithoutReader = (thrown: Error): void => {
  if ('code' in thrown && thrown.code === 'EPIPE') process.exit(EXIT.unread);
  throw thrown;
};

process.stdout.on('error', endQuietlyWithoutReader);
process.stderr.on('error', endQuietlyWithoutReader);

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
