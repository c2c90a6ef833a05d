#!/usr/bin/env node
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/shared/lib/clock.js';
import { packageVersion } from '../src/shared/platform/package-version.js';
import { exitWithoutReader, onEndSignal } from './lib/end-signals.js';
import { runProgram } from './lib/run-program.js';
import { runCtl } from './run-ctl.js';
import { errorCode } from '../src/shared/lib/app-error.js';

/** A reader that ends early (`… doctor | head`) or a closed terminal is not an error. */
const endQuietlyWithoutReader = (thrown: Error): void => {
  const code = errorCode(thrown);
  if (code !== 'EPIPE' && code !== 'EIO') throw thrown;
  exitWithoutReader();
};

process.stdout.on('error', endQuietlyWithoutReader);
process.stderr.on('error', endQuietlyWithoutReader);

process.exitCode = await runCtl(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  uid: process.geteuid?.() ?? -1,
  cwd: process.cwd(),
  home: homedir(),
  clock: systemClock,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  run: runProgram,
  onEndSignal,
  installed: {
    node: process.execPath,
    server: fileURLToPath(new URL('../src/server/main.js', import.meta.url)),
    client: fileURLToPath(new URL('../src/client/main.js', import.meta.url)),
    version: packageVersion(),
  },
});
