import { once } from 'node:events';
import { connect } from 'node:net';
import { messageOf } from '../../shared/lib/app-error.js';
import { systemClock } from '../../shared/lib/clock.js';
import { deferred } from '../../shared/lib/deferred.js';
import { CommandDealer } from '../../shared/platform/zmq/command-dealer.js';
import { HeartbeatSubscriber } from '../../shared/platform/zmq/heartbeat-subscriber.js';
import { endpointOf } from '../../shared/platform/zmq/tcp-address.js';
import type { CurveKeyPair } from '../../shared/protocol/curve-key.js';
import { verifyServerHeartbeat } from '../domain/verify-heartbeat.js';
import type { ConnectionConfig } from '../server/connection-config.js';
import { about, type SubjectFinding } from './finding.js';

const CONNECT_MS = 5000;

/** How many heartbeat intervals to wait: a single heartbeat may be lost. */
const AWAITED_HEARTBEATS = 3;

/** Checks both channels. It sends nothing on them, so that a running client is not disturbed. */
export const checkChannels = async (
  config: ConnectionConfig,
  curve: CurveKeyPair,
): Promise<SubjectFinding[]> => {
  const [commandPort, heartbeatPort] = await Promise.all([
    checkPort('command port', config.commandAddress),
    checkPort('heartbeat port', config.heartbeatAddress),
  ]);
  const protocolFindings = await Promise.all([
    ...(commandPort.level === 'ok' ? [checkHandshake(config, curve)] : []),
    ...(heartbeatPort.level === 'ok' ? [checkHeartbeats(config)] : []),
  ]);
  return [commandPort, heartbeatPort, ...protocolFindings];
};

const checkPort = async (subject: string, address: string): Promise<SubjectFinding> => {
  const { ok, fault } = about(subject);
  const socket = connect(endpointOf(address));
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    return ok(`${address} can be reached`);
  } catch (thrown) {
    const reason = socket.connecting ? `no response within ${CONNECT_MS / 1000} s` : messageOf(thrown);
    return fault(
      `${address} cannot be reached: ${reason}; check the name, the route, and firewalls between this machine and the server`,
    );
  } finally {
    socket.destroy();
  }
};

const checkHandshake = async (config: ConnectionConfig, curve: CurveKeyPair): Promise<SubjectFinding> => {
  const { ok, warning, fault } = about('encryption');
  const serverKey = config.curveServerKey;
  if (serverKey === undefined)
    return warning('the server is version 1.x: commands and output are not encrypted');
  const outcome = deferred<SubjectFinding>();
  const timedOut = fault(
    'the handshake does not end: another program may use this port, or the server uses other keys than its config says',
  );
  const timer = setTimeout(() => outcome.resolve(timedOut), CONNECT_MS);
  const dealer = new CommandDealer(
    config.commandAddress,
    {
      curve: { own: curve, serverKey },
      ipv6: config.ipv6,
      maxMessageSize: 1024 * 1024,
      unacknowledgedMs: CONNECT_MS,
    },
    {
      connected: () => outcome.resolve(ok('the server accepts our Curve key')),
      disconnected: () => undefined,
      retrying: () => undefined,
      broken: () => undefined, // the time-out says so
      refused: () => outcome.resolve(fault('the server does not accept the Curve key that it was just sent')),
      message: () => undefined,
      fault: (thrown) => outcome.resolve(fault(messageOf(thrown))),
    },
  );
  const finding = await outcome.promise;
  clearTimeout(timer);
  await dealer.close();
  return finding;
};

const checkHeartbeats = async (config: ConnectionConfig): Promise<SubjectFinding> => {
  const { ok, fault } = about('heartbeats');
  const outcome = deferred<SubjectFinding>();
  const waitMs = AWAITED_HEARTBEATS * config.intervalMs;
  let dropReason = 'none came';
  const timer = setTimeout(
    () => outcome.resolve(fault(`no valid heartbeat of the server within ${waitMs / 1000} s: ${dropReason}`)),
    waitMs,
  );
  const subscriber = new HeartbeatSubscriber(config.heartbeatAddress, config.ipv6, {
    message: (frames) => {
      const heartbeat = verifyServerHeartbeat(frames, config, systemClock.now());
      if (heartbeat.ok) outcome.resolve(ok('the server sends valid heartbeats'));
      else dropReason = `those that came are invalid: ${heartbeat.error.reason}`;
    },
    fault: (thrown) => outcome.resolve(fault(messageOf(thrown))),
  });
  const finding = await outcome.promise;
  clearTimeout(timer);
  await subscriber.close();
  return finding;
};
