import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../shared/lib/app-error.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import type { JobOutcome } from '../domain/job-machine.js';
import type { OutputStream } from '../domain/live-output.js';
import type { ShellLine } from '../domain/shell-line.js';
import type { JobCgroup } from './job-cgroup.js';
import { OutputKeeper } from './output-keeper.js';
import { endFamily } from './process-family.js';
import { isOurselves, type SystemUser } from './user-lookup.js';

/** A command, ready to be started. */
export interface JobCommand {
  readonly shell: ShellLine;
  /** Whom it runs as; the client's own user where it is undefined. */
  readonly user: SystemUser | undefined;
  readonly dir: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Those of its variables (`NAME=value`) by which all that it starts is known. */
  readonly marks: readonly string[];
  /** Where all that it starts is; undefined where there are no cgroups. */
  readonly cgroup: JobCgroup | undefined;
  readonly capture: boolean;
  /** Told of captured output as it comes. */
  readonly onOutput: (stream: OutputStream, data: Buffer) => void;
  /** Bytes of each output channel that are kept. */
  readonly keepBytes: number;
}

/** How long output is still awaited after the command has ended, in milliseconds: what it left behind may hold the pipe. */
const DRAIN_MS = 2000;

/** Where setpriv is; never looked for in a PATH, which a job might have set. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

/** A command that runs in a process group of its own, so that all that it starts can be ended with it. */
export class JobProcess {
  /** Resolves when the command has ended; where it was stopped, when all that it started is gone. */
  readonly ended: Promise<JobOutcome>;
  private readonly stdout: OutputKeeper;
  private readonly stderr: OutputKeeper;
  private stopping: Promise<boolean> | undefined;

  private constructor(
    private readonly child: ChildProcess,
    readonly pid: number,
    private readonly command: JobCommand,
  ) {
    this.stdout = this.keep('stdout');
    this.stderr = this.keep('stderr');
    this.ended = this.watch(performance.now());
  }

  /** Starts a command; the error, a reason for a person, says why it could not be. */
  static async start(command: JobCommand): Promise<Result<JobProcess, string>> {
    const { program, args, options } = invocation(command);
    const launch = (): ChildProcess => spawn(program, args, options);
    try {
      const child = command.cgroup?.startInside(launch) ?? launch();
      await once(child, 'spawn'); // throws what went wrong
      const { pid } = child;
      return pid === undefined ? err('the command did not start') : ok(new JobProcess(child, pid, command));
    } catch (thrown) {
      return err(`cannot start the command: ${messageOf(thrown)}`);
    }
  }

  /** Ends the command and all that it started: TERM, after `graceMs` milliseconds KILL. */
  async stop(graceMs: number): Promise<void> {
    const { marks, cgroup } = this.command;
    this.stopping ??= endFamily({ leader: this.pid, marks, cgroup: cgroup?.folder }, graceMs);
    await this.stopping;
  }

  private keep(stream: OutputStream): OutputKeeper {
    const keeper = new OutputKeeper(this.command.keepBytes);
    this.child[stream]?.on('data', (data: Buffer) => {
      keeper.add(data);
      this.command.onOutput(stream, data);
    });
    return keeper;
  }

  private async watch(startedAt: number): Promise<JobOutcome> {
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    const [exitCode, signal] = (await once(this.child, 'exit')) as [number | null, NodeJS.Signals | null];
    const durationMs = Math.round(performance.now() - startedAt);
    await Promise.race([closed, delay(DRAIN_MS, undefined, { ref: false })]);
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    await this.stopping;
    return {
      exitCode,
      signal,
      durationMs,
      ...(this.command.capture
        ? {
            output: {
              stdout: this.stdout.end(),
              stderr: this.stderr.end(),
              lost: { stdout: this.stdout.lost, stderr: this.stderr.lost },
            },
          }
        : {}),
    };
  }
}

interface Invocation {
  readonly program: string;
  readonly args: readonly string[];
  readonly options: SpawnOptions;
}

/**
 * How a command is started. Node.js itself drops all supplementary groups when it changes the user; `setpriv` of
 * util-linux sets them and then becomes the command. Where it is missing, the user's first group is all there is.
 */
const invocation = (command: JobCommand): Invocation => {
  const output = command.capture ? 'pipe' : 'ignore';
  const options: SpawnOptions = {
    env: command.env,
    detached: process.platform !== 'win32', // a process group of its own
    windowsHide: true,
    stdio: ['ignore', output, output],
    ...(command.dir === undefined ? {} : { cwd: command.dir }),
  };
  const { line, parameters } = command.shell;
  if (process.platform === 'win32') return { program: line, args: [], options: { ...options, shell: true } };
  const shell = ['-c', line, 'sh', ...parameters];
  const { user } = command;
  if (user === undefined || isOurselves(user)) return { program: '/bin/sh', args: shell, options };
  if (SETPRIV !== undefined) {
    const identity = [`--reuid=${user.uid}`, `--regid=${user.gid}`, `--groups=${user.groups.join(',')}`];
    return { program: SETPRIV, args: [...identity, '--', '/bin/sh', ...shell], options };
  }
  return { program: '/bin/sh', args: shell, options: { ...options, uid: user.uid, gid: user.gid } };
};
