import type { Logger } from 'pino';
import { jobMarkers } from '../domain/job-environment.js';
import { removeCgroup } from './job-cgroup.js';
import { removeJobFile } from './job-file.js';
import type { JobJournal, UnfinishedJob } from './job-journal.js';
import { killProcessTree, findTreeProcesses, isStillRunning } from './process-tree.js';
import { hasProcTable } from './proc-table.js';

/**
 * Ends the jobs that an earlier process of this client left behind when it was killed: kills each command with all its
 * processes and removes the job's file and cgroup. The server ends the job node when it hears from a new client
 * process, so the command must not go on; and its output is lost. See docs/spec/node-client.md, "Restart of the
 * client".
 */
export const endUnfinishedJobs = async (
  journal: JobJournal,
  nodeName: string,
  killGraceMs: number,
  log: Logger,
): Promise<void> => {
  for (const job of journal.unfinished) await endUnfinishedJob(job, journal, nodeName, killGraceMs, log);
};

const endUnfinishedJob = async (
  { job_id: job, process: command, file, cgroup }: UnfinishedJob,
  journal: JobJournal,
  nodeName: string,
  killGraceMs: number,
  log: Logger,
): Promise<void> => {
  const leader = command !== undefined && isStillRunning(command) ? command.pid : undefined;
  const tree = { leader, markers: jobMarkers({ nodeName, jobId: job }), cgroup };
  const found = findTreeProcesses(tree).map(({ pid }) => pid);
  const isGone = await killProcessTree(tree, killGraceMs);
  if (file !== undefined) await removeJobFile(file);
  if (cgroup !== undefined) removeCgroup(cgroup);
  await journal.recordEnded(job, true);
  log.warn(
    { job, processes: found },
    hasProcTable()
      ? `an earlier process of this client was killed during this job; ${isGone ? 'all processes of the job were ended' : 'some processes of the job could not be ended'}`
      : 'an earlier process of this client was killed during this job; the command may still run',
  );
};
