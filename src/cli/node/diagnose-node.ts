import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import { mapInOrder } from '../../shared/lib/map-in-order.js';
import { isJobOver } from '../../shared/protocol/job-status.js';
import type { Job, JobNodeDetail, JobSummary, NodeDetail } from '../../shared/protocol/rest-schemas.js';
import { unwrap } from '../unwrap.js';

/** What decides whether a node gets jobs; older servers send no details. */
export interface Diagnosis extends NodeDetail {
  /** Whether the Chef Server has a client with the name of the node; undefined if this is unknown. */
  readonly has_chef_client: boolean | undefined;
  /** The live job that the node takes part in. */
  readonly job: DiagnosedJob | undefined;
  /** The latest job of the node, if the node has reported its result after the server had given up. */
  readonly late_job: DiagnosedJob | undefined;
}

/** A job, and the job node of the node. */
export interface DiagnosedJob extends Pick<JobSummary, 'id' | 'command' | 'status'> {
  readonly job_node?: JobNodeDetail | undefined;
}

type DiagnosisClient = Pick<PushJobsClient, 'getNodeDetail' | 'listJobsPage' | 'getJob' | 'hasChefClient'>;

const MAX_CONCURRENT_REQUESTS = 4;

/** Fetches what decides whether a node gets jobs; throws an ApiError if the state of the node is not available. */
export const diagnoseNode = async (client: DiagnosisClient, node: string): Promise<Diagnosis> => {
  const detail = unwrap(await client.getNodeDetail(node));
  const hasClient = detail.status === 'offline' ? await client.hasChefClient(node) : undefined;
  const job = await findCurrentJob(client, node, detail.status === 'offline');
  return {
    ...detail,
    has_chef_client: hasClient?.ok === true ? hasClient.value : undefined,
    job,
    late_job: job === undefined ? await findLateJob(client, node) : undefined,
  };
};

/** Finds the latest job of the node, if its result came late. */
const findLateJob = async (client: DiagnosisClient, node: string): Promise<DiagnosedJob | undefined> => {
  const listed = await client.listJobsPage({ node, newestFirst: true, limit: 1 });
  const jobs = listed.ok ? listed.value.jobs : [];
  const [latest] = jobs;
  // Older servers ignore the filters and list all jobs.
  const job = jobs.length === 1 && latest !== undefined ? await client.getJob(latest.id, DETAILS) : undefined;
  if (job?.ok !== true) return undefined;
  const found = toDiagnosedJob(job.value, node);
  return found.job_node?.late_result === undefined ? undefined : found;
};

const DETAILS = { details: true } as const;

const toDiagnosedJob = ({ id, command, status, details }: Job, node: string): DiagnosedJob => ({
  id,
  command,
  status,
  job_node: details?.nodes.find(({ node_name }) => node_name === node),
});

/** Finds the live job in which the node has not ended; if it is optional, a server that cannot list jobs is no error. */
const findCurrentJob = async (
  client: DiagnosisClient,
  node: string,
  isOptional: boolean,
): Promise<DiagnosedJob | undefined> => {
  const live = new Map<string, JobSummary>();
  for (const status of ['voting', 'running'] as const) {
    // Older servers ignore these filters and list all jobs.
    const listed = await client.listJobsPage({ node, status });
    if (!listed.ok && isOptional) return undefined;
    for (const job of unwrap(listed).jobs) if (!isJobOver(job.status)) live.set(job.id, job);
  }
  for await (const job of mapInOrder([...live.keys()], MAX_CONCURRENT_REQUESTS, (id) =>
    client.getJob(id, DETAILS),
  )) {
    if (!job.ok) continue; // the job may have ended and been deleted since it was listed
    const { new: waiting = [], ready = [], running = [] } = job.value.nodes;
    if ([waiting, ready, running].some((names) => names.includes(node)))
      return toDiagnosedJob(job.value, node);
  }
  return undefined;
};
