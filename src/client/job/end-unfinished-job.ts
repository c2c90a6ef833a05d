import type { Logger } from 'pino';
import { jobMarks } from '../domain/job-environment.js';
import { removeCgroup } from './job-cgroup.js';
import { removeJobFile } from './job-file.js';
import type { JobJournal } from './job-journal.js';
import { endFamily, findFamily, isStillRunning } from './process-family.js';
import { hasProcTable } from './proc-table.js';

/**
 * Ends what an earlier process of this client, which was killed, has left of its job: the command with all that it
 * started, and the file that came with it. The server counts the job's part on this node as over as soon as it hears
 * from another client process, so nothing of it may go on; and its output has been lost.
 */
export const endUnfinishedJob = async (
  journal: JobJournal,
  nodeName: string,
  killGraceMs: number,
  log: Logger,
): Promise<void> => {
  const { unfinished } = journal;
  if (unfinished === undefined) return;
  const { job_id: job, process: command, file, cgroup } = unfinished;
  const leader = command !== undefined && isStillRunning(command) ? command.pid : undefined;
  const family = { leader, marks: jobMarks({ nodeName, jobId: job }), cgroup };
  const found = findFamily(family).map(({ pid }) => pid);
  const isGone = await endFamily(family, killGraceMs);
  if (file !== undefined) await removeJobFile(file);
  if (cgroup !== undefined) removeCgroup(cgroup);
  await journal.finish(job, true);
  log.warn(
    { job, processes: found },
    hasProcTable()
      ? `an earlier process of this client ended without a word during this job; ${isGone ? 'what was left of it was ended' : 'what is left of it cannot be ended'}`
      : 'an earlier process of this client ended without a word during this job; its command may still run',
  );
};
