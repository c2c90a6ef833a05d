import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../shared/lib/app-error.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import type { CommandResult } from '../domain/job-machine.js';
import type { OutputStream } from '../domain/live-output.js';
import type { ShellLine } from '../domain/shell-line.js';
import type { JobCgroup } from './job-cgroup.js';
import { TailBuffer } from './tail-buffer.js';
import { killProcessTree } from './process-tree.js';
import { isCurrentUser, type SystemUser } from './user-lookup.js';

/** A command that is ready to be started. */
export interface JobCommand {
  readonly shell: ShellLine;
  /** The user that it runs as; undefined means the client's own user. */
  readonly user: SystemUser | undefined;
  readonly dir: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Variables (`NAME=value`) that identify all processes of the command. */
  readonly markers: readonly string[];
  /** The cgroup for all its processes; undefined if cgroups are unavailable. */
  readonly cgroup: JobCgroup | undefined;
  readonly capture: boolean;
  /** Called with captured output as it comes. */
  readonly onOutput: (stream: OutputStream, data: Buffer) => void;
  /** Maximum bytes of output to keep per channel. */
  readonly outputBytes: number;
}

/**
 * How long to wait for more output after the command has ended. A process that it left behind may keep the pipe open.
 */
const DRAIN_MS = 2000;

/** Path of setpriv. It is not searched in PATH, which a job might have set. */
const SETPRIV_PATH = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

/** A running command. It has its own process group, so that all its processes can be ended with it. */
export class JobProcess {
  /** Resolves when the command has ended; after `stop`, when all its processes are gone. */
  readonly ended: Promise<CommandResult>;
  private readonly stdout: TailBuffer;
  private readonly stderr: TailBuffer;
  private stopping: Promise<boolean> | undefined;

  private constructor(
    private readonly child: ChildProcess,
    readonly pid: number,
    private readonly command: JobCommand,
  ) {
    this.stdout = this.bufferStream('stdout');
    this.stderr = this.bufferStream('stderr');
    this.ended = this.waitForEnd(performance.now());
  }

  /** Starts a command. The error says why it did not start. */
  static async start(command: JobCommand): Promise<Result<JobProcess, string>> {
    const { program, args, options } = buildInvocation(command);
    const launch = (): ChildProcess => spawn(program, args, options);
    try {
      const child = command.cgroup?.startInside(launch) ?? launch();
      await once(child, 'spawn'); // throws if the start fails
      const { pid } = child;
      return pid === undefined ? err('the command did not start') : ok(new JobProcess(child, pid, command));
    } catch (thrown) {
      return err(`cannot start the command: ${messageOf(thrown)}`);
    }
  }

  /** Ends the command with all its processes: TERM, and KILL after `graceMs` milliseconds. */
  async stop(graceMs: number): Promise<void> {
    const { markers, cgroup } = this.command;
    this.stopping ??= killProcessTree({ leader: this.pid, markers, cgroup: cgroup?.folder }, graceMs);
    await this.stopping;
  }

  private bufferStream(stream: OutputStream): TailBuffer {
    const buffer = new TailBuffer(this.command.outputBytes);
    this.child[stream]?.on('data', (data: Buffer) => {
      buffer.add(data);
      this.command.onOutput(stream, data);
    });
    return buffer;
  }

  private async waitForEnd(startedAt: number): Promise<CommandResult> {
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
              droppedBytes: { stdout: this.stdout.droppedBytes, stderr: this.stderr.droppedBytes },
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
 * Returns how to spawn a command. Node.js drops all supplementary groups when it changes the user. `setpriv` of
 * util-linux sets them before it executes the command; without it the command has the user's first group only.
 */
const buildInvocation = (command: JobCommand): Invocation => {
  const output = command.capture ? 'pipe' : 'ignore';
  const options: SpawnOptions = {
    env: command.env,
    detached: process.platform !== 'win32', // creates a new process group
    windowsHide: true,
    stdio: ['ignore', output, output],
    ...(command.dir === undefined ? {} : { cwd: command.dir }),
  };
  const { line, parameters } = command.shell;
  if (process.platform === 'win32') return { program: line, args: [], options: { ...options, shell: true } };
  const shell = ['-c', line, 'sh', ...parameters];
  const { user } = command;
  if (user === undefined || isCurrentUser(user)) return { program: '/bin/sh', args: shell, options };
  if (SETPRIV_PATH !== undefined) {
    const identity = [`--reuid=${user.uid}`, `--regid=${user.gid}`, `--groups=${user.groups.join(',')}`];
    return { program: SETPRIV_PATH, args: [...identity, '--', '/bin/sh', ...shell], options };
  }
  return { program: '/bin/sh', args: shell, options: { ...options, uid: user.uid, gid: user.gid } };
};
