import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatHeader } from '../../../src/shared/protocol/frame-header.js';
import { signHmac } from '../../../src/shared/protocol/frame-signature.js';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { eventually } from '../../support/eventually.js';
import { SimulatedPushServer } from '../../support/simulated-push-server.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const newJobId = (): string => randomBytes(16).toString('hex');

const MESSAGES = 50_000;
/** Makes a message about 10 kB long. */
const PADDING = 'x'.repeat(10_000);
/** All messages together have 500 MB. */
const MAX_GROWTH_MB = 150;

let server: SimulatedPushServer;
let client: ClientUnderTest;

beforeEach(async () => {
  server = await SimulatedPushServer.start({
    org: 'acme',
    node: 'web1',
    nodeKey: keys.publicKey,
    queuesAllCommands: true,
  });
  server.startHeartbeats();
  client = new ClientUnderTest({
    serverUrl: server.url,
    node: 'web1',
    key: keys.privateKey,
    settings: `whitelist({ 'true' => 'true' })`,
  });
  await server.expect('heartbeat');
});
afterEach(async () => {
  await client.stop();
  await server.close();
});

const residentMb = (field: 'VmRSS' | 'VmHWM'): number => {
  const kb = new RegExp(`${field}:\\s+(\\d+) kB`).exec(
    readFileSync(`/proc/${client.pid}/status`, 'utf8'),
  )?.[1];
  return Number(kb) / 1024;
};

/** Sends as fast as the connection takes the messages. */
const flood = async (send: (index: number) => Promise<void>): Promise<void> => {
  for (let index = 0; index < MESSAGES; index++) {
    await send(index);
    if (index % 50 === 0) await nextTurn(); // lets the sockets work
  }
};

/** Runs a job to its end. Repeats each command, because the client drops some of a flood. */
const runJob = async (): Promise<void> => {
  const job = newJobId();
  const hasCome = (type: string): boolean =>
    server.received.some(({ message }) => message.type === type && message.job_id === job);
  const answer = (type: string, send: () => Promise<void>): Promise<true> =>
    eventually(() => hasCome(type) || send().then(() => undefined), { everyMs: 200 });
  await answer('ack_commit', async () => {
    await server.send({ type: 'abort' });
    await server.commit(job, 'true');
  });
  await answer('succeeded', () => server.send({ type: 'run', job_id: job }));
};

describe('a server that sends 50,000 messages as fast as it can', () => {
  const unsigned = formatHeader('hmac_sha256', signHmac(randomBytes(32), PADDING));
  test.each<[kind: string, send: (index: number) => Promise<void>]>([
    [
      'valid commits and aborts in turn',
      (index) =>
        index % 2 === 0
          ? server.commit(newJobId(), 'true', { dir: PADDING })
          : server.send({ type: 'abort' }),
    ],
    ['messages with a wrong signature', () => server.sendFrames(unsigned, PADDING)],
  ])('does not make the client grow, or deaf for later jobs: %s', async (_, send) => {
    const before = residentMb('VmRSS');
    await flood(send);
    await runJob();
    expect(client.output).toContain('the server sends far too many messages');
    expect(residentMb('VmHWM') - before).toBeLessThan(MAX_GROWTH_MB);
  });
});
