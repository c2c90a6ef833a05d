import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import { mapInOrder } from '../../shared/lib/map-in-order.js';
import { isJobOver } from '../../shared/protocol/job-status.js';
import type { JobSummary, NodeDetail } from '../../shared/protocol/rest-schemas.js';
import { unwrap } from '../unwrap.js';

/** What is known of a node that bears on whether it takes jobs; a server of the past tells none of the details. */
export interface Diagnosis extends NodeDetail {
  /** Whether the Chef Server has a client (a key) of that name; undefined where that could not be found out. */
  readonly has_chef_client: boolean | undefined;
  /** The job that the node takes part in now. */
  readonly job: Pick<JobSummary, 'id' | 'command' | 'status'> | undefined;
}

type Asked = Pick<PushJobsClient, 'getNodeDetail' | 'listJobsPage' | 'getJob' | 'hasChefClient'>;

/** Requests at a time. */
const AT_ONCE = 4;

/** Asks the servers what bears on whether a node takes jobs. Throws an ApiError where its state cannot be had. */
export const diagnoseNode = async (client: Asked, node: string): Promise<Diagnosis> => {
  const detail = unwrap(await client.getNodeDetail(node));
  const known = detail.status === 'offline' ? await client.hasChefClient(node) : undefined;
  return {
    ...detail,
    has_chef_client: known?.ok === true ? known.value : undefined,
    job: detail.status === 'online' ? await findJobOf(client, node) : undefined,
  };
};

/** The job that goes on and has the node among those that are not done. */
const findJobOf = async (client: Asked, node: string): Promise<Diagnosis['job']> => {
  const live = new Map<string, JobSummary>();
  for (const status of ['voting', 'running'] as const) {
    // A server of the past does not know these filters and lists all jobs.
    const { jobs } = unwrap(await client.listJobsPage({ node, status }));
    for (const job of jobs) if (!isJobOver(job.status)) live.set(job.id, job);
  }
  for await (const job of mapInOrder([...live.keys()], AT_ONCE, (id) => client.getJob(id))) {
    if (!job.ok) continue; // it may have ended and been forgotten meanwhile
    const { new: waiting = [], ready = [], running = [] } = job.value.nodes;
    const { id, command, status } = job.value;
    if ([waiting, ready, running].some((names) => names.includes(node))) return { id, command, status };
  }
  return undefined;
};
