import type { Job } from '../../shared/protocol/rest-schemas.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, exitCodeOf } from '../exit-code.js';
import { printable } from '../output/printable.js';
import { nodeCount, renderOutcome } from '../output/render-job.js';
import { CaptureNotice } from '../progress/capture-notice.js';
import { followJob } from '../progress/follow-job.js';
import { LiveOutputView, type OutputView } from '../progress/live-output-view.js';
import { NodeOutputPrinter } from '../progress/node-output-printer.js';
import { createProgressView, type ProgressView, SilentView } from '../progress/progress-view.js';
import type { OutputMode } from './run-plan.js';

/** How a job is followed. */
export interface WatchOptions {
  readonly pollIntervalMs: number;
  readonly output: OutputMode;
}

/**
 * Shows how a job goes on until it is over, then how it ended; gives the exit code. `signal` ends the waiting and leaves
 * the job as it is.
 */
export const watchJob = async (
  context: CommandContext,
  jobId: string,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<number> => {
  const job = await watchToEnd(context, jobId, options, signal);
  if (job === undefined) return EXIT.interrupted;
  context.writeResult(job, () => [...renderOutcome(job), ...renderWhereMoreIs(context, job, options.output)]);
  return exitCodeOf(job);
};

/** Lines that say how to see why nodes did not succeed, and what they wrote. */
const renderWhereMoreIs = (context: CommandContext, job: Job, output: OutputMode): string[] => {
  const hasTrouble = nodeCount(job) > (job.nodes.succeeded?.length ?? 0) && !context.options.quiet;
  const isOutputLeft = job.capture_output === true && output !== 'when_done';
  return [
    ...(hasTrouble ? [`Why: ${context.nextCommand(`job status ${printable(job.id)}`)}`] : []),
    ...(isOutputLeft ? [`Output: ${context.nextCommand(`job output ${printable(job.id)}`)}`] : []),
  ];
};

/**
 * Shows how a job goes on until it is over, and gives it then; undefined where `signal` ended the waiting, which it says
 * with what can be done next.
 */
export const watchToEnd = async (
  context: CommandContext,
  jobId: string,
  { pollIntervalMs, output }: WatchOptions,
  signal: AbortSignal,
): Promise<Job | undefined> => {
  const { client, environment } = context;
  const view = context.options.quiet
    ? new SilentView(context.storyStream)
    : createProgressView(environment, context.storyStream, pollIntervalMs);
  const tell = (text: string): void => {
    if (!context.options.quiet) view.interject(text, environment.stderr);
  };
  const notice = new CaptureNotice(tell);
  const outputView = createOutputView(context, jobId, output, view, tell, notice);
  try {
    const job = await followJob({
      client,
      jobId,
      pollIntervalMs,
      onEvent: outputView?.onEvent,
      onProgress: (progress) => {
        outputView?.take(progress);
        view.show(progress);
      },
      signal,
    });
    await outputView?.finish(signal);
    if (job !== undefined && output !== 'none') notice.learn(job.capture_output === true);
    view.close();
    if (job === undefined) environment.stderr.write(whatNext(context, jobId));
    return job;
  } finally {
    view.close();
  }
};

const createOutputView = (
  { client, environment }: CommandContext,
  jobId: string,
  mode: OutputMode,
  view: ProgressView,
  tell: (text: string) => void,
  notice: CaptureNotice,
): OutputView | undefined => {
  if (mode === 'none') return undefined;
  if (mode === 'when_done') {
    return new NodeOutputPrinter(client, jobId, (_channel, lines) => view.interject(lines));
  }
  const { stderr } = environment;
  return new LiveOutputView(
    client,
    jobId,
    (channel, lines) => (channel === 'stdout' ? view.interject(lines) : view.interject(lines, stderr)),
    tell,
    notice,
  );
};

const whatNext = (context: CommandContext, jobId: string): string =>
  [
    'No longer waiting; the job goes on.',
    `  To follow it: ${context.nextCommand(`job watch ${jobId}`)}`,
    `  To abort it:  ${context.nextCommand(`job abort ${jobId}`)}`,
    '',
  ].join('\n');
