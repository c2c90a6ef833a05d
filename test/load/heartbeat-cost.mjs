/**
 * Measures what one received heartbeat costs the server in CPU time, all threads together (Curve, HMAC, parsing and
 * checks), with simulated nodes in a process of their own.
 *
 *   npx tsc -p tsconfig.build.json && node test/load/heartbeat-cost.mjs [nodes=500] [heartbeats per second=5000] [seconds=10]
 */
import { fork } from 'node:child_process';
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setInterval } from 'node:timers';
import { context, Dealer } from 'zeromq';
import { loadServerKeys } from '../../dist/src/keys/load-server-keys.js';
import { SessionRegistry } from '../../dist/src/keys/session-registry.js';
import { SessionSeal } from '../../dist/src/keys/session-seal.js';
import { createLogger } from '../../dist/src/platform/logger.js';
import { createServerContext } from '../../dist/src/platform/zmq/zmq-context.js';
import { generateCurveKeyPair } from '../../dist/src/protocol/curve-key.js';
import { encodeFrame } from '../../dist/src/protocol/frame-codec.js';
import { CommandRouter } from '../../dist/src/transport/command-router.js';
import { TrafficCounts } from '../../dist/src/transport/traffic-counts.js';

const ADDRESS = 'tcp://127.0.0.1:18702';
const TICK_MS = 20;

/** Keeps nothing: what is measured does not touch the database. */
const noStore = {
  load: () => Promise.resolve({ sessions: [], curveKeys: [] }),
  save: () => Promise.resolve(),
  extend: () => Promise.resolve(),
  removeExpired: () => Promise.resolve(),
};

const startServer = async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const curve = await generateCurveKeyPair();
  const keys = await loadServerKeys({
    pushy_priv_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    curve_secret_key: curve.secretKey,
  });
  const logger = createLogger({ level: 'warn' });
  const clock = { now: Date.now };
  const seal = await SessionSeal.of(randomBytes(32).toString('base64'));
  const sessions = new SessionRegistry({ store: noStore, seal, clock, logger, configLifetime: 3600 });
  const counts = new TrafficCounts();
  const limits = { maxBodySize: 65_536, maxSkewMs: 300_000 };
  const router = new CommandRouter({
    context: createServerContext(1),
    keys,
    sessions,
    limits,
    counts,
    clock,
    logger,
  });
  router.handle({ received: () => undefined, dropped: () => undefined });
  await router.start(ADDRESS);
  const admit = async (node) => {
    const mine = await generateCurveKeyPair();
    const session = await sessions.admit(
      { orgName: 'acme', orgId: 'a'.repeat(32), node },
      mine.publicKey,
      publicKey,
    );
    return { node, curve: mine, sessionKey: session.key.toString('base64') };
  };
  return { router, counts, admit, serverKey: curve.publicKey };
};

const measure = async (nodeCount, rate, seconds) => {
  const { router, counts, admit, serverKey } = await startServer();
  const nodes = [];
  for (let index = 0; index < nodeCount; index++) nodes.push(await admit(`web${index}`));
  const simulator = fork(import.meta.filename, ['simulate']);
  simulator.send({ serverKey, nodes, rate });
  const ended = once(simulator, 'exit');
  const ready = await Promise.race([once(simulator, 'message'), ended.then(() => undefined)]); // all have sent once
  if (ready === undefined) throw new Error('the simulated nodes ended before they had begun');

  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  const before = counts.received;
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const received = counts.received - before;
  const { user, system } = process.cpuUsage(cpu);
  const { active } = performance.eventLoopUtilization(loop);
  simulator.kill();
  await ended;
  await router.stop();

  const each = (micros) => `${(micros / received).toFixed(1)} µs`;
  console.log(
    `${nodeCount} nodes, ${Math.round(received / seconds)} heartbeats a second, dropped ${counts.dropped.size}`,
  );
  console.log(`CPU time for each heartbeat: ${each(user + system)}, of all threads`);
  console.log(`main thread busy for each heartbeat: ${each(active * 1000)}`);
};

const simulate = async ({ serverKey, nodes, rate }) => {
  context.maxSockets = 2 * nodes.length + 10; // each has one, and its monitor
  const simulated = nodes.map(({ node, curve, sessionKey }) => {
    const dealer = new Dealer({
      linger: 0,
      curveServerKey: serverKey,
      curvePublicKey: curve.publicKey,
      curveSecretKey: curve.secretKey,
    });
    dealer.connect(ADDRESS);
    return {
      node,
      dealer,
      key: Buffer.from(sessionKey, 'base64'),
      incarnation: randomUUID(),
      sequence: 0,
    };
  });
  const beat = ({ node, dealer, key, incarnation }, sequence) =>
    dealer.send([
      ...encodeFrame(key, {
        node,
        client: `${node}.example.com`,
        protocol_version: '2.0',
        org: 'acme',
        type: 'heartbeat',
        sequence,
        timestamp: new Date().toUTCString(),
        incarnation_id: incarnation,
        job_state: 'idle',
        job_id: null,
      }),
    ]);
  for (const one of simulated) await beat(one, ++one.sequence);
  process.send('ready');
  const begin = performance.now();
  let sent = 0;
  setInterval(() => {
    for (const due = ((performance.now() - begin) * rate) / 1000; sent < due; sent++) {
      const one = simulated[sent % simulated.length];
      void beat(one, ++one.sequence);
    }
  }, TICK_MS);
};

if (process.argv[2] === 'simulate') {
  process.once('message', (message) => void simulate(message));
} else {
  const [nodes = 500, rate = 5000, seconds = 10] = process.argv.slice(2).map(Number);
  await measure(nodes, rate, seconds);
}
