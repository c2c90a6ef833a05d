import type { Job } from '../../protocol/rest-shapes.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, exitCodeOf } from '../exit-code.js';
import { renderOutcome } from '../output/render-job.js';
import { followJob } from '../progress/follow-job.js';
import { NodeOutputPrinter } from '../progress/node-output-printer.js';
import { createProgressView, SilentView } from '../progress/progress-view.js';

/** How a job is followed. */
export interface WatchOptions {
  readonly pollIntervalMs: number;
  readonly showsOutput: boolean;
}

/**
 * Shows how a job goes on until it is over, then how it ended; gives the exit code. Ctrl-C ends the waiting and leaves
 * the job as it is.
 */
export const watchJob = async (
  context: CommandContext,
  jobId: string,
  options: WatchOptions,
): Promise<number> => {
  const stop = new AbortController();
  const stopListening = context.environment.onInterrupt(() => stop.abort());
  try {
    const job = await watchToEnd(context, jobId, options, stop.signal);
    if (job === undefined) return EXIT.interrupted;
    const isOutputLeft = job.capture_output === true && !options.showsOutput;
    context.writeResult(job, () => [
      ...renderOutcome(job),
      ...(isOutputLeft ? [`Output: ${context.nextCommand(`job output ${jobId}`)}`] : []),
    ]);
    return exitCodeOf(job);
  } finally {
    stopListening();
  }
};

/**
 * Shows how a job goes on until it is over, and gives it then; undefined where `signal` ended the waiting, which it says
 * with what can be done next.
 */
export const watchToEnd = async (
  context: CommandContext,
  jobId: string,
  { pollIntervalMs, showsOutput }: WatchOptions,
  signal: AbortSignal,
): Promise<Job | undefined> => {
  const { client, environment } = context;
  const view = context.options.quiet
    ? new SilentView(context.storyStream)
    : createProgressView(environment, context.storyStream, pollIntervalMs);
  const printer = showsOutput
    ? new NodeOutputPrinter(client, jobId, (text) => view.interject(text))
    : undefined;
  try {
    const job = await followJob({
      client,
      jobId,
      pollIntervalMs,
      onProgress: (progress) => {
        printer?.take(progress);
        view.show(progress);
      },
      signal,
    });
    await printer?.finish(signal);
    view.close();
    if (job === undefined) environment.stderr.write(whatNext(context, jobId));
    return job;
  } finally {
    view.close();
  }
};

const whatNext = (context: CommandContext, jobId: string): string =>
  [
    'No longer waiting; the job goes on.',
    `  To follow it: ${context.nextCommand(`job watch ${jobId}`)}`,
    `  To abort it:  ${context.nextCommand(`job abort ${jobId}`)}`,
    '',
  ].join('\n');
