import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import { mapInOrder } from '../../shared/lib/map-in-order.js';
import { isJobOver } from '../../shared/protocol/job-status.js';
import type { JobSummary, NodeDetail } from '../../shared/protocol/rest-schemas.js';
import { unwrap } from '../unwrap.js';

/** What decides whether a node gets jobs; older servers send no details. */
export interface Diagnosis extends NodeDetail {
  /** Whether the Chef Server has a client with the name of the node; undefined if this is unknown. */
  readonly has_chef_client: boolean | undefined;
  /** The live job that the node takes part in. */
  readonly job: Pick<JobSummary, 'id' | 'command' | 'status'> | undefined;
}

type DiagnosisClient = Pick<PushJobsClient, 'getNodeDetail' | 'listJobsPage' | 'getJob' | 'hasChefClient'>;

const MAX_CONCURRENT_REQUESTS = 4;

/** Fetches what decides whether a node gets jobs; throws an ApiError if the state of the node is not available. */
export const diagnoseNode = async (client: DiagnosisClient, node: string): Promise<Diagnosis> => {
  const detail = unwrap(await client.getNodeDetail(node));
  const hasClient = detail.status === 'offline' ? await client.hasChefClient(node) : undefined;
  return {
    ...detail,
    has_chef_client: hasClient?.ok === true ? hasClient.value : undefined,
    job: detail.status === 'online' ? await findCurrentJob(client, node) : undefined,
  };
};

/** Finds the live job in which the node has not ended. */
const findCurrentJob = async (client: DiagnosisClient, node: string): Promise<Diagnosis['job']> => {
  const live = new Map<string, JobSummary>();
  for (const status of ['voting', 'running'] as const) {
    // Older servers ignore these filters and list all jobs.
    const { jobs } = unwrap(await client.listJobsPage({ node, status }));
    for (const job of jobs) if (!isJobOver(job.status)) live.set(job.id, job);
  }
  for await (const job of mapInOrder([...live.keys()], MAX_CONCURRENT_REQUESTS, (id) => client.getJob(id))) {
    if (!job.ok) continue; // the job may have ended and been deleted since it was listed
    const { id, command, status, nodes } = job.value;
    const { new: waiting = [], ready = [], running = [] } = nodes;
    if ([waiting, ready, running].some((names) => names.includes(node))) return { id, command, status };
  }
  return undefined;
};
