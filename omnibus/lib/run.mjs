/** Runs the programs that a build needs. */
import { spawnSync } from 'node:child_process';

/** An expected failure; the message says what to do if that is known. */
export class BuildFailed extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'BuildFailed';
  }
}

/**
 * Runs a program. If it fails, shows its error output and throws a BuildFailed.
 * @param {readonly string[]} command program and arguments
 * @param {{ cwd?: string, env?: Record<string, string>, input?: Buffer }} [options] env: variables in addition to those of this process
 * @returns {Buffer} its standard output
 */
export const run = ([program, ...args], { cwd, env, input } = {}) => {
  const { error, status, signal, stdout, stderr } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    input,
    maxBuffer: 1024 ** 3,
  });
  if (error !== undefined) throw new BuildFailed(`cannot start ${program}: ${error.message}`);
  if (status === 0) return stdout;
  process.stderr.write(stderr);
  throw new BuildFailed(
    `\`${[program, ...args].join(' ')}\` ended with ${status === null ? signal : `exit code ${status}`}`,
  );
};
