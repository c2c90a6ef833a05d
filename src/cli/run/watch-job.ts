import type { Job } from '../../shared/protocol/rest-schemas.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, exitCodeForJob } from '../exit-code.js';
import { printable } from '../output/printable.js';
import { nodeCount, renderOutcome } from '../output/render-job.js';
import { CaptureNotice } from '../progress/capture-notice.js';
import { followJob } from '../progress/follow-job.js';
import { LiveOutputView, type OutputView } from '../progress/live-output-view.js';
import { CapturedOutputPrinter } from '../progress/captured-output-printer.js';
import { createProgressView, type ProgressView, SilentView } from '../progress/progress-view.js';
import { SilenceNotice } from '../progress/silence-notice.js';
import type { OutputMode } from './run-plan.js';

/** How a job is followed. */
export interface WatchOptions {
  readonly pollIntervalMs: number;
  readonly output: OutputMode;
}

/**
 * Shows the progress of a job until it is over, then its outcome; resolves to the exit code. If `signal` is aborted, it
 * stops waiting and the job continues.
 */
export const watchJob = async (
  context: CommandContext,
  jobId: string,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<number> => {
  const job = await watchUntilOver(context, jobId, options, signal);
  if (job === undefined) return EXIT.interrupted;
  context.writeResult(job, () => [
    ...renderOutcome(job),
    ...renderNextCommands(context, job, options.output),
  ]);
  return exitCodeForJob(job);
};

/** Renders the commands that show why nodes did not succeed, and their output. */
const renderNextCommands = (context: CommandContext, job: Job, output: OutputMode): string[] => {
  const suggestsStatus = nodeCount(job) > (job.nodes.succeeded?.length ?? 0) && !context.options.quiet;
  const suggestsOutput = job.capture_output === true && output !== 'when_done';
  return [
    ...(suggestsStatus ? [`Why: ${context.suggestedCommand(`job status ${printable(job.id)}`)}`] : []),
    ...(suggestsOutput ? [`Output: ${context.suggestedCommand(`job output ${printable(job.id)}`)}`] : []),
  ];
};

/**
 * Shows the progress of a job until it is over and returns the job. If `signal` is aborted, it prints how to follow or
 * abort the job and returns undefined.
 */
export const watchUntilOver = async (
  context: CommandContext,
  jobId: string,
  { pollIntervalMs, output }: WatchOptions,
  signal: AbortSignal,
): Promise<Job | undefined> => {
  const { client, environment } = context;
  const view = context.options.quiet
    ? new SilentView(context.progressStream)
    : createProgressView(environment, context.progressStream, pollIntervalMs);
  const notify = (text: string): void => {
    if (!context.options.quiet) view.printLines(text, environment.stderr);
  };
  const notice = new CaptureNotice(notify);
  const outputView = createOutputView(context, jobId, output, view, notify, notice);
  const silence = new SilenceNotice(client, jobId, notify, signal);
  silence.start();
  try {
    const job = await followJob({
      client,
      jobId,
      pollIntervalMs,
      onEvent: outputView?.onEvent,
      onProgress: (progress) => {
        outputView?.update(progress);
        view.show(progress);
      },
      signal,
    });
    await outputView?.finish(signal);
    if (job !== undefined && output !== 'none') notice.update(job.capture_output === true);
    view.close();
    if (job === undefined) environment.stderr.write(renderInterruptHint(context, jobId));
    return job;
  } finally {
    silence.stop();
    view.close();
  }
};

const createOutputView = (
  { client, environment }: CommandContext,
  jobId: string,
  mode: OutputMode,
  view: ProgressView,
  notify: (text: string) => void,
  notice: CaptureNotice,
): OutputView | undefined => {
  if (mode === 'none') return undefined;
  if (mode === 'when_done') {
    return new CapturedOutputPrinter(client, jobId, (_channel, lines) => view.printLines(lines));
  }
  const { stderr } = environment;
  return new LiveOutputView(
    client,
    jobId,
    (channel, lines) => (channel === 'stdout' ? view.printLines(lines) : view.printLines(lines, stderr)),
    notify,
    notice,
  );
};

const renderInterruptHint = (context: CommandContext, jobId: string): string =>
  [
    'Stopped waiting; the job continues.',
    `  To follow it: ${context.suggestedCommand(`job watch ${jobId}`)}`,
    `  To abort it:  ${context.suggestedCommand(`job abort ${jobId}`)}`,
    '',
  ].join('\n');
