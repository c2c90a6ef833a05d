import type { CommandContext } from './command-context.js';
import { EXIT, exitCodeOf } from './exit-code.js';
import { renderOutcome } from './output/render-job.js';
import { followJob } from './progress/follow-job.js';
import { createProgressView } from './progress/progress-view.js';

/**
 * Shows how a job goes on until it is over, then how it ended; gives the exit code. Ctrl-C ends the waiting and leaves
 * the job as it is.
 */
export const watchJob = async (
  context: CommandContext,
  jobId: string,
  pollIntervalMs: number,
): Promise<number> => {
  const { client, environment } = context;
  const stop = new AbortController();
  const stopListening = environment.onInterrupt(() => stop.abort());
  const view = createProgressView(context.storyStream, environment.clock, pollIntervalMs);
  try {
    const job = await followJob({
      client,
      jobId,
      pollIntervalMs,
      onProgress: (progress) => view.show(progress),
      signal: stop.signal,
    });
    view.close();
    if (job === undefined) {
      const follow = context.nextCommand(`job watch ${jobId}`);
      environment.stderr.write(`No longer waiting; the job goes on. To follow it: ${follow}\n`);
      return EXIT.interrupted;
    }
    context.writeResult(job, () => [
      ...renderOutcome(job),
      ...(job.capture_output === true ? [`Output: ${context.nextCommand(`job output ${jobId}`)}`] : []),
    ]);
    return exitCodeOf(job);
  } finally {
    view.close();
    stopListening();
  }
};
