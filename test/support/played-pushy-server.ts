import type { KeyObject } from 'node:crypto';
import type { JobEvent } from '../../src/shared/protocol/feed-event.js';
import type { Job, JobRequest } from '../../src/shared/protocol/rest-schemas.js';
import { feedText, startEvent, stubJob } from './stub-job.js';
import { StubPushyServer } from './stub-pushy-server.js';

/** How a node of the double behaves: it succeeds with this output, or fails without any. */
export type PlayedNode = { readonly stdout: string } | 'fails';

/**
 * Starts a test double of a whole Push Jobs server: its jobs are over as soon as they are started, with the events that
 * a real one would have sent. Nodes that it does not know are offline.
 */
export const startPlayedPushyServer = async (
  user: string,
  publicKey: KeyObject,
  nodes: Readonly<Record<string, PlayedNode>>,
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
      jobs.push(play(server, id, request, nodes));
      return { status: 201, json: { uri: `${server.url}/pushy/jobs/${id}` } };
    });
  for (const name of Object.keys(nodes)) {
    server.on(`GET pushy/node_states/${name}`, {
      json: { node_name: name, status: 'online', availability: 'available' },
    });
  }
  return server;
};

const play = (
  server: StubPushyServer,
  id: string,
  request: JobRequest,
  nodes: Readonly<Record<string, PlayedNode>>,
): Job => {
  const there = request.nodes.filter((name) => nodes[name] !== undefined);
  const away = request.nodes.filter((name) => nodes[name] === undefined);
  const failed = there.filter((name) => nodes[name] === 'fails');
  const succeeded = there.filter((name) => nodes[name] !== 'fails');
  const job = stubJob(
    Object.fromEntries(
      Object.entries({ succeeded, failed, unavailable: away }).filter(([, names]) => names.length > 0),
    ),
    { id, command: request.command, ...(request.capture_output === true ? { capture_output: true } : {}) },
  );
  const events: JobEvent[] = [
    startEvent(request.nodes.length),
    ...away.map((node): JobEvent => ({ name: 'quorum_vote', data: { node, status: 'down' } })),
    ...there.map((node): JobEvent => ({ name: 'quorum_vote', data: { node, status: 'success' } })),
    { name: 'quorum_succeeded', data: {} },
    ...there.map((node): JobEvent => ({ name: 'run_start', data: { node } })),
    ...there.map((node): JobEvent => {
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
