#!/usr/bin/env node
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/shared/lib/clock.js';
import { packageVersion } from '../src/shared/platform/package-version.js';
import { endWithoutReader, onEndSignal } from './lib/end-signals.js';
import { runProgram } from './lib/run-program.js';
import { runCtl } from './run-ctl.js';

/** A reader that has seen enough (`… doctor | head`) and a terminal that was closed are no faults. */
const endQuietlyWithoutReader = (thrown: Error): void => {
  if (!('code' in thrown) || (thrown.code !== 'EPIPE' && thrown.code !== 'EIO')) throw thrown;
  endWithoutReader();
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
