#!/usr/bin/env node
import { AppError, messageOf } from '../shared/lib/app-error.js';
import { packageVersion } from '../shared/platform/package-version.js';
import { checkConfig } from './check-config.js';
import { HELP, parseCommandLine } from './command-line.js';
import { formatFinding } from './doctor/finding.js';
import { runDoctor } from './doctor/run-doctor.js';
import { EXIT_CODE } from './exit-code.js';
import { serve } from './serve.js';

const main = async (): Promise<number> => {
  const command = parseCommandLine(process.argv.slice(2));
  if (!command.ok) {
    process.stderr.write(`push-jobs-client: ${command.error.message}\nTry 'push-jobs-client --help'.\n`);
    return EXIT_CODE.USAGE;
  }
  switch (command.value.kind) {
    case 'help':
      process.stdout.write(HELP);
      break;
    case 'version':
      process.stdout.write(`push-jobs-client ${packageVersion()}\n`);
      break;
    case 'check':
      process.stdout.write(await checkConfig(command.value.file, command.value.overrides));
      break;
    case 'doctor':
      return (await runDoctor(command.value.file, command.value.overrides, (finding) =>
        process.stdout.write(formatFinding(finding)),
      ))
        ? EXIT_CODE.OK
        : EXIT_CODE.FAULT_FOUND;
    case 'run':
      await serve(command.value.file, command.value.overrides);
  }
  return EXIT_CODE.OK;
};

const exitCodeOf = (thrown: unknown): number => {
  if (!(thrown instanceof AppError)) return EXIT_CODE.INTERNAL;
  return thrown.code === 'node_busy' ? EXIT_CODE.BUSY : EXIT_CODE.CONFIGURATION;
};

main().then(
  (code) => process.exit(code),
  (thrown: unknown) => {
    process.stderr.write(`push-jobs-client: ${messageOf(thrown)}\n`);
    process.exit(exitCodeOf(thrown));
  },
);
