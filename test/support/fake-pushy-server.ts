import type { KeyObject } from 'node:crypto';
import type { JobEvent } from '../../src/shared/protocol/feed-event.js';
import type { JobRequest } from '../../src/shared/protocol/job-request.js';
import type { Job } from '../../src/shared/protocol/rest-schemas.js';
import { feedText, startEvent, stubJob } from './stub-job.js';
import { StubPushyServer } from './stub-pushy-server.js';

/** How a fake node behaves: it succeeds with this output, or fails without output. */
export type FakeNode = { readonly stdout: string } | 'fails';

/**
 * Starts a fake Push Jobs server whose jobs end as soon as they start, with the events that a real server sends. Nodes
 * that are not in `nodes` are offline.
 */
export const startFakePushyServer = async (
  user: string,
  publicKey: KeyObject,
  nodes: Readonly<Record<string, FakeNode>>,
): Promise<StubPushyServer> => {
  const server = await StubPushyServer.start(user, publicKey);
  const jobs: Job[] = [];
  server
    .on('GET pushy/jobs', () => ({ json: jobs.map(({ nodes: _nodes, ...summary }) => summary) }))
    .on('GET pushy/node_states', {
      json: Object.keys(nodes).map((node_name) => ({ node_name, availability: 'available' })),
    })
    .on('GET pushy/node_states/away', {
      json: { node_name: 'away', status: 'offline', availability: 'unavailable' },
    })
    .on('POST pushy/jobs', ({ body }) => {
      const request = body as JobRequest;
      if (request.nodes.length === 0)
        return { status: 400, json: { error: 'at least one node must be supplied' } };
      const id = String(jobs.length + 1).padStart(32, '0');
      jobs.push(runJob(server, id, request, nodes));
      return { status: 201, json: { uri: `${server.url}/pushy/jobs/${id}` } };
    });
  for (const name of Object.keys(nodes)) {
    server.on(`GET pushy/node_states/${name}`, {
      json: { node_name: name, status: 'online', availability: 'available' },
    });
  }
  return server;
};

const runJob = (
  server: StubPushyServer,
  id: string,
  request: JobRequest,
  nodes: Readonly<Record<string, FakeNode>>,
): Job => {
  const online = request.nodes.filter((name) => nodes[name] !== undefined);
  const offline = request.nodes.filter((name) => nodes[name] === undefined);
  const failed = online.filter((name) => nodes[name] === 'fails');
  const succeeded = online.filter((name) => nodes[name] !== 'fails');
  const job = stubJob(
    Object.fromEntries(
      Object.entries({ succeeded, failed, unavailable: offline }).filter(([, names]) => names.length > 0),
    ),
    { id, command: request.command, ...(request.capture_output === true ? { capture_output: true } : {}) },
  );
  const events: JobEvent[] = [
    startEvent(request.nodes.length),
    ...offline.map((node): JobEvent => ({ name: 'quorum_vote', data: { node, status: 'down' } })),
    ...online.map((node): JobEvent => ({ name: 'quorum_vote', data: { node, status: 'success' } })),
    { name: 'quorum_succeeded', data: {} },
    ...online.map((node): JobEvent => ({ name: 'run_start', data: { node } })),
    ...online.map((node): JobEvent => {
      return {
        name: 'run_complete',
        data: { node, status: nodes[node] === 'fails' ? 'failure' : 'success' },
      };
    }),
    { name: 'job_complete', data: { status: 'complete' } },
  ];
  server.on(`GET pushy/jobs/${id}`, { json: job });
  server.on(`GET pushy/job_status_feed/${id}`, { feed: feedText(events) });
  for (const name of succeeded) {
    const node = nodes[name]!;
    const stdout = node === 'fails' ? '' : node.stdout;
    server.on(`GET pushy/jobs/${id}/output/${name}/stdout`, { bytes: Buffer.from(stdout) });
    server.on(`GET pushy/jobs/${id}/output/${name}/stderr`, { bytes: Buffer.alloc(0) });
  }
  return job;
};
