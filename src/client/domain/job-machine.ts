/**
 * What the node is doing in a job, as a pure reducer (node client, "Voting and running"). One job at a time.
 *
 * idle       nothing to do.              → preparing by `commit`, → closed by `shutdown`
 * preparing  it is checked whether the job can run. → committed by `prepared`, → idle by `refused` or `abort`,
 *                                         → closed by `shutdown`
 * committed  voted yes, waits for `run`. → running by `run`, → idle by `abort`, → closed by `shutdown`
 * running    the command runs.           → idle by `ended` or `not_started`, → stopping by `abort` or `shutdown`
 * stopping   the command is being killed. → idle by `ended` or `not_started`; → closed where a `shutdown` came
 * closed     the client stops; nothing is accepted any more.
 *
 * A job that was started is remembered in `ran`, so that a command is never started twice, whatever is repeated.
 */
export interface JobMachine {
  readonly mode: 'idle' | 'preparing' | 'committed' | 'running' | 'stopping' | 'closed';
  /** The job that all modes but idle and closed are about. */
  readonly jobId: string | null;
  /** Whether the command of a running job is known to have started. */
  readonly started: boolean;
  /** Whether the client stops when the job is over. */
  readonly closing: boolean;
  /** The jobs that were started here, the latest last. */
  readonly ran: readonly string[];
}

/** What a server asks to be run. */
export interface JobOrder {
  readonly jobId: string;
  readonly command: string;
  readonly user?: string | undefined;
  readonly dir?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** `raw:…` or `base64:…`. */
  readonly file?: string | undefined;
  readonly capture: boolean;
}

/** How a command ended; output is there where it was asked for. */
export interface JobOutcome {
  readonly exitCode: number | null;
  /** Name of the signal that ended it. */
  readonly signal: string | null;
  readonly durationMs: number;
  readonly output?: { readonly stdout: Buffer; readonly stderr: Buffer; readonly lost: OutputLost };
}

/** Bytes of output that were let go because there were too many. */
export interface OutputLost {
  readonly stdout: number;
  readonly stderr: number;
}

export type JobInput =
  /** Output of the job is to be sent while it runs, each `everyMs` milliseconds; 0 for never. Changes no state. */
  | { readonly kind: 'output_wanted'; readonly jobId: string; readonly everyMs: number }
  | { readonly kind: 'commit'; readonly order: JobOrder }
  | { readonly kind: 'run'; readonly jobId: string }
  | { readonly kind: 'abort' }
  | { readonly kind: 'prepared'; readonly jobId: string }
  | { readonly kind: 'refused'; readonly jobId: string; readonly reason: string }
  | { readonly kind: 'started'; readonly jobId: string }
  | { readonly kind: 'not_started'; readonly jobId: string; readonly reason: string }
  | { readonly kind: 'ended'; readonly jobId: string; readonly outcome: JobOutcome }
  | { readonly kind: 'shutdown' };

/** A message about a job, before it is numbered and signed. */
export type JobReply =
  | { readonly type: 'ack_commit' | 'ack_run'; readonly jobId: string }
  | { readonly type: 'nack_commit' | 'nack_run'; readonly jobId: string; readonly reason: string }
  | { readonly type: 'aborted'; readonly jobId: string | null }
  | { readonly type: 'succeeded' | 'failed'; readonly jobId: string; readonly outcome: JobOutcome };

export type JobEffect =
  | { readonly kind: 'reply'; readonly reply: JobReply }
  /** Check whether the job can run and get all ready; ends in `prepared` or `refused`. */
  | { readonly kind: 'prepare'; readonly order: JobOrder }
  /** Start the prepared command; ends in `started` and then `ended`, or in `not_started`. */
  | { readonly kind: 'start'; readonly jobId: string }
  /** Kill the command; it still ends in `ended`. */
  | { readonly kind: 'stop'; readonly jobId: string }
  /** Send output of the running command each `everyMs` milliseconds from now on; 0 for never. */
  | { readonly kind: 'send_output'; readonly jobId: string; readonly everyMs: number }
  /** Remove what was made ready for the job. */
  | { readonly kind: 'discard'; readonly jobId: string }
  /** All is over, the client can end. */
  | { readonly kind: 'closed' };

export interface JobStep {
  readonly machine: JobMachine;
  readonly effects: readonly JobEffect[];
}

/** How many started jobs are remembered; older repetitions fall to the clock check of messages. */
const REMEMBERED_JOBS = 1000;

/** The machine of a client that has just started, on a node on which these jobs have been started before. */
export const idleAfter = (ran: readonly string[]): JobMachine => ({
  mode: 'idle',
  jobId: null,
  started: false,
  closing: false,
  ran,
});

const reply = (message: JobReply): JobEffect => ({ kind: 'reply', reply: message });
const discard = (jobId: string): JobEffect => ({ kind: 'discard', jobId });
const stay = (machine: JobMachine, ...effects: JobEffect[]): JobStep => ({ machine, effects });

/** The next state and what is to be done. Inputs about a job that it is not, or no longer, busy with change nothing. */
export const reduceJob = (machine: JobMachine, input: JobInput): JobStep => {
  switch (input.kind) {
    case 'commit':
      return onCommit(machine, input.order);
    case 'run':
      return onRun(machine, input.jobId);
    case 'abort':
      return onAbort(machine);
    case 'output_wanted':
      return isBusyWith(machine, 'running', input.jobId)
        ? stay(machine, { kind: 'send_output', jobId: input.jobId, everyMs: input.everyMs })
        : stay(machine);
    case 'prepared':
      return isBusyWith(machine, 'preparing', input.jobId)
        ? stay({ ...machine, mode: 'committed' }, reply({ type: 'ack_commit', jobId: input.jobId }))
        : stay(machine, discard(input.jobId));
    case 'refused':
      return isBusyWith(machine, 'preparing', input.jobId)
        ? toIdle(machine, reply({ type: 'nack_commit', jobId: input.jobId, reason: input.reason }))
        : stay(machine);
    case 'started':
      return isBusyWith(machine, 'running', input.jobId)
        ? stay({ ...machine, started: true }, reply({ type: 'ack_run', jobId: input.jobId }))
        : stay(machine);
    case 'not_started':
      return onEnd(machine, input.jobId, { type: 'nack_run', jobId: input.jobId, reason: input.reason });
    case 'ended': {
      const type = input.outcome.exitCode === 0 ? 'succeeded' : 'failed';
      return onEnd(machine, input.jobId, { type, jobId: input.jobId, outcome: input.outcome });
    }
    case 'shutdown':
      return onShutdown(machine);
  }
};

const isBusyWith = (machine: JobMachine, mode: JobMachine['mode'], jobId: string): boolean =>
  machine.mode === mode && machine.jobId === jobId;

const toIdle = (machine: JobMachine, ...effects: JobEffect[]): JobStep => ({
  machine: { ...machine, mode: machine.closing ? 'closed' : 'idle', jobId: null, started: false },
  effects: machine.closing ? [...effects, { kind: 'closed' }] : effects,
});

const onCommit = (machine: JobMachine, order: JobOrder): JobStep => {
  const { jobId } = order;
  const nack = (reason: string): JobStep => stay(machine, reply({ type: 'nack_commit', jobId, reason }));
  if (machine.jobId === jobId && machine.mode === 'preparing') return stay(machine);
  if (machine.jobId === jobId && (machine.mode === 'committed' || machine.mode === 'running')) {
    return stay(machine, reply({ type: 'ack_commit', jobId })); // the server missed our vote
  }
  if (machine.mode === 'closed') return nack('the client is stopping');
  if (machine.mode !== 'idle') return nack(`busy: ${machine.mode} job ${machine.jobId ?? ''}`);
  if (machine.ran.includes(jobId)) return nack('this job was already run here');
  return stay({ ...machine, mode: 'preparing', jobId }, { kind: 'prepare', order });
};

const onRun = (machine: JobMachine, jobId: string): JobStep => {
  if (isBusyWith(machine, 'committed', jobId)) {
    const ran = [...machine.ran.slice(1 - REMEMBERED_JOBS), jobId];
    return stay({ ...machine, mode: 'running', started: false, ran }, { kind: 'start', jobId });
  }
  if (isBusyWith(machine, 'running', jobId)) {
    // The server missed our answer, or the answer is about to come.
    return machine.started ? stay(machine, reply({ type: 'ack_run', jobId })) : stay(machine);
  }
  const reason = machine.ran.includes(jobId) ? 'this job was already run here' : 'not committed to this job';
  return stay(machine, reply({ type: 'nack_run', jobId, reason }));
};

const onAbort = (machine: JobMachine): JobStep => {
  const { mode, jobId } = machine;
  if (mode === 'stopping') return stay(machine); // answered when the command is gone
  if (jobId === null) return stay(machine, reply({ type: 'aborted', jobId: null }));
  if (mode === 'running') return stay({ ...machine, mode: 'stopping' }, { kind: 'stop', jobId });
  return toIdle(machine, discard(jobId), reply({ type: 'aborted', jobId }));
};

/** The command is over, or never came to be: `result` says so, unless it was aborted. */
const onEnd = (machine: JobMachine, jobId: string, result: JobReply): JobStep => {
  if (isBusyWith(machine, 'running', jobId)) return toIdle(machine, discard(jobId), reply(result));
  if (isBusyWith(machine, 'stopping', jobId)) {
    return toIdle(machine, discard(jobId), reply({ type: 'aborted', jobId }));
  }
  return stay(machine);
};

const onShutdown = (machine: JobMachine): JobStep => {
  const closing = { ...machine, closing: true };
  const { mode, jobId } = machine;
  if (mode === 'closed') return stay(machine);
  if (mode === 'stopping') return stay(closing);
  if (mode === 'running' && jobId !== null) {
    return stay({ ...closing, mode: 'stopping' }, { kind: 'stop', jobId });
  }
  return jobId === null
    ? toIdle(closing)
    : toIdle(closing, discard(jobId), reply({ type: 'aborted', jobId }));
};
