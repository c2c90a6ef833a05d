/** Plays many nodes, in a process of its own; `fleet.ts` starts it. */
import { createPrivateKey } from 'node:crypto';
import { context, curveKeyPair } from 'zeromq';
import { messageOf } from '../../src/shared/lib/app-error.js';
import { systemClock } from '../../src/shared/lib/clock.js';
import { HttpClient } from '../../src/shared/platform/http/http-client.js';
import { SignedHttp } from '../../src/shared/platform/http/signed-http.js';
import type { ConfigDocument } from '../../src/shared/protocol/config-document.js';
import { decryptSessionKey } from '../../src/shared/protocol/session-key.js';
import { forEachAtOnce } from './for-each-at-once.js';
import { type LoadCounts, LoadNode, type LoadNodeOptions } from './load-node.js';
import type { SimulatorReply, SimulatorRequest, SimulatorTask } from './simulator-messages.js';

/** Config fetches that one process has under way at a time. */
const FETCHES_AT_ONCE = 8;

/** Each node has two sockets. */
const SOCKETS_PER_NODE = 2;

const counts: LoadCounts = { heartbeats: 0, commands: 0, serverHeartbeats: 0, bad: 0 };
let task: SimulatorTask | undefined;
let configured: LoadNodeOptions[] = [];

const fetchConfigs = async (given: SimulatorTask): Promise<void> => {
  task = given;
  configured = [];
  const http = new HttpClient({ connections: FETCHES_AT_ONCE });
  const key = createPrivateKey(given.clientKey);
  await forEachAtOnce(FETCHES_AT_ONCE, given.nodes, async (node) => {
    const curve = curveKeyPair();
    const query = `ccpk=${encodeURIComponent(curve.publicKey)}&version=2.0`;
    const answer = await new SignedHttp(http, { userId: node, key }, systemClock).send({
      method: 'GET',
      url: `${given.serverUrl}/organizations/${given.org}/pushy/config/${node}?${query}`,
      timeoutMs: 60_000,
    });
    if (!answer.ok) throw new Error(answer.error.reason);
    if (answer.value.status !== 200)
      throw new Error(`no config for ${node}: ${answer.value.body.toString()}`);
    configured.push(
      optionsOf(given, node, curve, JSON.parse(answer.value.body.toString()) as ConfigDocument),
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
      throw new Error('a config is not right');
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

/** All nodes connect at once and say who they are; then their heartbeats are spread evenly over the interval. */
const connect = (heartbeatMs: number): void => {
  context.maxSockets = SOCKETS_PER_NODE * configured.length + 10;
  const nodes = configured.map((options) => new LoadNode(options, counts));
  for (const node of nodes) node.beat();
  const start = performance.now();
  let sent = 0;
  setInterval(() => {
    const due = Math.floor(((performance.now() - start) / heartbeatMs) * nodes.length);
    for (; sent < due; sent++) nodes[sent % nodes.length]?.beat();
  }, 10);
};

const answer = async (request: SimulatorRequest): Promise<SimulatorReply> => {
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
  answer(request).then(
    (reply) => process.send?.(reply),
    (thrown: unknown) => process.send?.({ type: 'failed', reason: messageOf(thrown) }),
  );
});
process.on('disconnect', () => process.exit(0));
