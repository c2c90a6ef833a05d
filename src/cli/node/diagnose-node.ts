import type { PushJobsClient } from '../../api-client/push-jobs-client.js';
import { mapInOrder } from '../../lib/map-in-order.js';
import { isJobOver } from '../../protocol/job-status.js';
import type { JobSummary, NodeState } from '../../protocol/rest-shapes.js';
import { unwrap } from '../unwrap.js';

/** What is known of a node that bears on whether it takes jobs. */
export interface Diagnosis extends NodeState {
  /** Whether the Chef Server has a client (a key) of that name; undefined where that could not be found out. */
  readonly has_chef_client: boolean | undefined;
  /** The job that the node takes part in now. */
  readonly job: Pick<JobSummary, 'id' | 'command' | 'status'> | undefined;
}

type Asked = Pick<PushJobsClient, 'getNode' | 'listJobs' | 'getJob' | 'hasChefClient'>;

/** Requests at a time. */
const AT_ONCE = 4;

/** Asks the servers what bears on whether a node takes jobs. Throws an ApiError where its state cannot be had. */
export const diagnoseNode = async (client: Asked, node: string): Promise<Diagnosis> => {
  const state = unwrap(await client.getNode(node));
  const isBusy = state.status === 'online' && state.availability === 'unavailable';
  const known = state.status === 'offline' ? await client.hasChefClient(node) : undefined;
  return {
    ...state,
    has_chef_client: known?.ok === true ? known.value : undefined,
    job: isBusy ? await findJobOf(client, node) : undefined,
  };
};

/** The job that goes on and has the node among those that are not done. */
const findJobOf = async (client: Asked, node: string): Promise<Diagnosis['job']> => {
  const live = unwrap(await client.listJobs()).filter(({ status }) => !isJobOver(status));
  for await (const job of mapInOrder(live, AT_ONCE, ({ id }) => client.getJob(id))) {
    if (!job.ok) continue; // it may have ended and been forgotten meanwhile
    const { new: waiting = [], ready = [], running = [] } = job.value.nodes;
    const { id, command, status } = job.value;
    if ([waiting, ready, running].some((names) => names.includes(node))) return { id, command, status };
  }
  return undefined;
};
