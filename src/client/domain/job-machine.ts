/**
 * The state of the node's current job, as a pure reducer. A node runs one job at a time.
 * See docs/spec/node-client.md, "Voting and running".
 *
 * idle       no job.                          → preparing on `commit`; → closed on `shutdown`
 * preparing  the runner checks the job.       → committed on `prepared`; → idle on `declined` or `abort`;
 *                                               → closed on `shutdown`
 * committed  voted yes and waits for `run`.   → running on `run`; → idle on `abort`; → closed on `shutdown`
 * running    the command runs.                → idle on `ended` or `start_failed`; → stopping on `abort` or `shutdown`
 * stopping   the command is being killed.     → idle on `ended` or `start_failed`, or closed if `shutdown` came before
 * closed     the client stops and accepts nothing.
 *
 * `startedJobs` remembers every started job, so that repeated messages never start a command twice.
 */
export interface JobMachine {
  readonly mode: 'idle' | 'preparing' | 'committed' | 'running' | 'stopping' | 'closed';
  /** The current job; null in the modes idle and closed. */
  readonly jobId: string | null;
  /** Whether the runner has reported that the command of the running job started. */
  readonly commandStarted: boolean;
  /** Whether the client stops when the current job is over. */
  readonly closing: boolean;
  /** Ids of the jobs that were started on this node, newest last. */
  readonly startedJobs: readonly string[];
}

/** What the server wants this node to run. */
export interface JobAssignment {
  readonly jobId: string;
  readonly command: string;
  readonly user?: string | undefined;
  readonly dir?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** `raw:…` or `base64:…`. */
  readonly file?: string | undefined;
  readonly capture: boolean;
}

/** How a command ended. `output` is present if the job captures output. */
export interface CommandResult {
  readonly exitCode: number | null;
  /** Name of the signal that ended the command. */
  readonly signal: string | null;
  readonly durationMs: number;
  /** What the user should know about how the command ran. */
  readonly reason?: string;
  readonly output?: { readonly stdout: Buffer; readonly stderr: Buffer; readonly droppedBytes: DroppedBytes };
}

/** Bytes of output that exceeded the buffer and were dropped. */
export interface DroppedBytes {
  readonly stdout: number;
  readonly stderr: number;
}

/** Messages of the server, reports of the job runner, and the request to shut down. */
export type JobInput =
  | { readonly kind: 'commit'; readonly assignment: JobAssignment }
  | { readonly kind: 'run'; readonly jobId: string }
  | { readonly kind: 'abort' }
  /** The server wants live output every `intervalMs` milliseconds; 0 means never. */
  | { readonly kind: 'output_wanted'; readonly jobId: string; readonly intervalMs: number }
  | { readonly kind: 'prepared'; readonly jobId: string }
  | { readonly kind: 'declined'; readonly jobId: string; readonly reason: string }
  | { readonly kind: 'started'; readonly jobId: string }
  | { readonly kind: 'start_failed'; readonly jobId: string; readonly reason: string }
  | { readonly kind: 'ended'; readonly jobId: string; readonly result: CommandResult }
  | { readonly kind: 'shutdown' };

/** A message about a job, before it is numbered and signed. */
export type JobReport =
  | { readonly type: 'ack_commit' | 'ack_run'; readonly jobId: string }
  | { readonly type: 'nack_commit' | 'nack_run'; readonly jobId: string; readonly reason: string }
  | { readonly type: 'aborted'; readonly jobId: string | null }
  | { readonly type: 'succeeded' | 'failed'; readonly jobId: string; readonly result: CommandResult };

/** What the agent does after a transition. */
export type JobEffect =
  | { readonly kind: 'report'; readonly report: JobReport }
  /** Check and prepare the job; the input `prepared` or `declined` follows. */
  | { readonly kind: 'prepare'; readonly assignment: JobAssignment }
  /** Start the prepared command; `started` and then `ended` follow, or `start_failed`. */
  | { readonly kind: 'start'; readonly jobId: string }
  /** Kill the command; `ended` still follows. */
  | { readonly kind: 'stop'; readonly jobId: string }
  /** Send live output every `intervalMs` milliseconds from now on; 0 means never. */
  | { readonly kind: 'send_output'; readonly jobId: string; readonly intervalMs: number }
  /** Remove everything that was prepared for the job. */
  | { readonly kind: 'discard'; readonly jobId: string }
  /** No job is left and the client can end. */
  | { readonly kind: 'exit' };

export interface JobTransition {
  readonly machine: JobMachine;
  readonly effects: readonly JobEffect[];
}

/** Maximum length of `startedJobs`. Replays of older jobs fail the timestamp check of messages. */
const MAX_STARTED_JOBS = 1000;

/** The idle machine of a client that starts on a node where `startedJobs` were started before. */
export const initialJobMachine = (startedJobs: readonly string[]): JobMachine => ({
  mode: 'idle',
  jobId: null,
  commandStarted: false,
  closing: false,
  startedJobs,
});

const report = (message: JobReport): JobEffect => ({ kind: 'report', report: message });
const discard = (jobId: string): JobEffect => ({ kind: 'discard', jobId });
const transition = (machine: JobMachine, ...effects: JobEffect[]): JobTransition => ({ machine, effects });

/** Returns the next state and its effects. An input about a job that is not the current one changes no state. */
export const reduceJob = (machine: JobMachine, input: JobInput): JobTransition => {
  switch (input.kind) {
    case 'commit':
      return onCommit(machine, input.assignment);
    case 'run':
      return onRun(machine, input.jobId);
    case 'abort':
      return onAbort(machine);
    case 'output_wanted':
      return isBusyWith(machine, 'running', input.jobId)
        ? transition(machine, { kind: 'send_output', jobId: input.jobId, intervalMs: input.intervalMs })
        : transition(machine);
    case 'prepared':
      return isBusyWith(machine, 'preparing', input.jobId)
        ? transition({ ...machine, mode: 'committed' }, report({ type: 'ack_commit', jobId: input.jobId }))
        : transition(machine, discard(input.jobId));
    case 'declined':
      return isBusyWith(machine, 'preparing', input.jobId)
        ? toIdle(machine, report({ type: 'nack_commit', jobId: input.jobId, reason: input.reason }))
        : transition(machine);
    case 'started':
      return isBusyWith(machine, 'running', input.jobId)
        ? transition({ ...machine, commandStarted: true }, report({ type: 'ack_run', jobId: input.jobId }))
        : transition(machine);
    case 'start_failed':
      return onCommandOver(machine, { type: 'nack_run', jobId: input.jobId, reason: input.reason });
    case 'ended': {
      const type = input.result.exitCode === 0 ? 'succeeded' : 'failed';
      return onCommandOver(machine, { type, jobId: input.jobId, result: input.result });
    }
    case 'shutdown':
      return onShutdown(machine);
  }
};

const isBusyWith = (machine: JobMachine, mode: JobMachine['mode'], jobId: string): boolean =>
  machine.mode === mode && machine.jobId === jobId;

/** Ends the current job: the machine becomes idle, or closed if the client is stopping. */
const toIdle = (machine: JobMachine, ...effects: JobEffect[]): JobTransition => ({
  machine: { ...machine, mode: machine.closing ? 'closed' : 'idle', jobId: null, commandStarted: false },
  effects: machine.closing ? [...effects, { kind: 'exit' }] : effects,
});

const onCommit = (machine: JobMachine, assignment: JobAssignment): JobTransition => {
  const { jobId } = assignment;
  const nack = (reason: string): JobTransition =>
    transition(machine, report({ type: 'nack_commit', jobId, reason }));
  if (isBusyWith(machine, 'preparing', jobId)) return transition(machine);
  if (isBusyWith(machine, 'committed', jobId) || isBusyWith(machine, 'running', jobId)) {
    return transition(machine, report({ type: 'ack_commit', jobId })); // the server missed our vote
  }
  if (machine.mode === 'closed') return nack('the client is stopping');
  if (machine.mode !== 'idle') return nack(`busy: ${machine.mode} job ${machine.jobId ?? ''}`);
  if (machine.startedJobs.includes(jobId)) return nack('this job was already run here');
  return transition({ ...machine, mode: 'preparing', jobId }, { kind: 'prepare', assignment });
};

const onRun = (machine: JobMachine, jobId: string): JobTransition => {
  if (isBusyWith(machine, 'committed', jobId)) {
    const startedJobs = [...machine.startedJobs.slice(1 - MAX_STARTED_JOBS), jobId];
    return transition(
      { ...machine, mode: 'running', commandStarted: false, startedJobs },
      { kind: 'start', jobId },
    );
  }
  if (isBusyWith(machine, 'running', jobId)) {
    // Before `started` the first ack_run is still to come; afterwards the server missed it.
    return machine.commandStarted
      ? transition(machine, report({ type: 'ack_run', jobId }))
      : transition(machine);
  }
  const reason = machine.startedJobs.includes(jobId)
    ? 'this job was already run here'
    : 'not committed to this job';
  return transition(machine, report({ type: 'nack_run', jobId, reason }));
};

const onAbort = (machine: JobMachine): JobTransition => {
  const { mode, jobId } = machine;
  if (mode === 'stopping') return transition(machine); // `aborted` is sent when the command has ended
  if (jobId === null) return transition(machine, report({ type: 'aborted', jobId: null }));
  if (mode === 'running') return transition({ ...machine, mode: 'stopping' }, { kind: 'stop', jobId });
  return toIdle(machine, discard(jobId), report({ type: 'aborted', jobId }));
};

/** The command ended or did not start. The result is reported unless the job was aborted. */
const onCommandOver = (
  machine: JobMachine,
  result: JobReport & { readonly jobId: string },
): JobTransition => {
  const { jobId } = result;
  if (isBusyWith(machine, 'running', jobId)) return toIdle(machine, discard(jobId), report(result));
  if (isBusyWith(machine, 'stopping', jobId)) {
    return toIdle(machine, discard(jobId), report({ type: 'aborted', jobId }));
  }
  return transition(machine);
};

const onShutdown = (machine: JobMachine): JobTransition => {
  const closing = { ...machine, closing: true };
  const { mode, jobId } = machine;
  if (mode === 'closed') return transition(machine);
  if (mode === 'stopping') return transition(closing);
  if (mode === 'running' && jobId !== null) {
    return transition({ ...closing, mode: 'stopping' }, { kind: 'stop', jobId });
  }
  return jobId === null
    ? toIdle(closing)
    : toIdle(closing, discard(jobId), report({ type: 'aborted', jobId }));
};
