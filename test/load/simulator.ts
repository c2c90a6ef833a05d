/** Simulates many nodes in its own process; `simulated-nodes.ts` starts it. */
import { createPrivateKey } from 'node:crypto';
import { context, curveKeyPair } from 'zeromq';
import { messageOf } from '../../src/shared/lib/app-error.js';
import { systemClock } from '../../src/shared/lib/clock.js';
import { HttpClient } from '../../src/shared/platform/http/http-client.js';
import { SignedHttp } from '../../src/shared/platform/http/signed-http.js';
import type { ConfigDocument } from '../../src/shared/protocol/config-document.js';
import { decryptSessionKey } from '../../src/shared/protocol/session-key.js';
import { forEachConcurrently } from './for-each-concurrently.js';
import { type LoadCounts, LoadNode, type LoadNodeOptions } from './load-node.js';
import type { SimulatorReply, SimulatorRequest, SimulatorTask } from './simulator-messages.js';

const CONCURRENT_FETCHES = 8;

const SOCKETS_PER_NODE = 2;

const counts: LoadCounts = { heartbeats: 0, commands: 0, serverHeartbeats: 0, unverified: 0 };
let task: SimulatorTask | undefined;
let configured: LoadNodeOptions[] = [];

const fetchConfigs = async (newTask: SimulatorTask): Promise<void> => {
  task = newTask;
  configured = [];
  const http = new HttpClient({ connections: CONCURRENT_FETCHES });
  const key = createPrivateKey(newTask.clientKey);
  await forEachConcurrently(CONCURRENT_FETCHES, newTask.nodes, async (node) => {
    const curve = curveKeyPair();
    const query = `ccpk=${encodeURIComponent(curve.publicKey)}&version=2.0`;
    const response = await new SignedHttp(http, { userId: node, key }, systemClock).send({
      method: 'GET',
      url: `${newTask.serverUrl}/organizations/${newTask.org}/pushy/config/${node}?${query}`,
      timeoutMs: 60_000,
    });
    if (!response.ok) throw new Error(response.error.reason);
    if (response.value.status !== 200)
      throw new Error(`no config for ${node}: ${response.value.body.toString()}`);
    configured.push(
      optionsOf(newTask, node, curve, JSON.parse(response.value.body.toString()) as ConfigDocument),
    );
  });
  await http.close();

  function optionsOf(
    { org, listens, commandMs }: SimulatorTask,
    node: string,
    curve: LoadNodeOptions['curve'],
    config: ConfigDocument,
  ): LoadNodeOptions {
    const sessionKey = decryptSessionKey(key, config.encoded_session_key.key);
    if (sessionKey === undefined || config.curve_public_key === undefined)
      throw new Error(`the config of ${node} has no usable keys`);
    const { command_addr, out_addr } = config.push_jobs.heartbeat;
    return {
      org,
      node,
      curve,
      sessionKey,
      commandMs,
      serverCurveKey: config.curve_public_key,
      commandAddress: command_addr,
      ...(listens ? { heartbeatAddress: out_addr } : {}),
    };
  }
};

/** Connects all nodes at once with a first heartbeat; later heartbeats are spread evenly over the interval. */
const connect = (heartbeatMs: number): void => {
  context.maxSockets = SOCKETS_PER_NODE * configured.length + 10;
  const nodes = configured.map((options) => new LoadNode(options, counts));
  for (const node of nodes) node.sendHeartbeat();
  const start = performance.now();
  let sent = 0;
  setInterval(() => {
    const due = Math.floor(((performance.now() - start) / heartbeatMs) * nodes.length);
    for (; sent < due; sent++) nodes[sent % nodes.length]?.sendHeartbeat();
  }, 10);
};

const handle = async (request: SimulatorRequest): Promise<SimulatorReply> => {
  switch (request.type) {
    case 'fetch':
      await fetchConfigs(request.task);
      return { type: 'done' };
    case 'connect':
      connect(task?.heartbeatMs ?? 1000);
      return { type: 'done' };
    case 'counts':
      return { type: 'counts', counts };
  }
};

process.on('message', (request: SimulatorRequest) => {
  handle(request).then(
    (reply) => process.send?.(reply),
    (thrown: unknown) => process.send?.({ type: 'failed', reason: messageOf(thrown) }),
  );
});
process.on('disconnect', () => process.exit(0));
