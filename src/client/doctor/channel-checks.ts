import { once } from 'node:events';
import { connect } from 'node:net';
import { messageOf } from '../../shared/lib/app-error.js';
import { systemClock } from '../../shared/lib/clock.js';
import { deferred } from '../../shared/lib/deferred.js';
import { CommandDealer } from '../../shared/platform/zmq/command-dealer.js';
import { HeartbeatSubscriber } from '../../shared/platform/zmq/heartbeat-subscriber.js';
import { endpointOf } from '../../shared/platform/zmq/tcp-address.js';
import type { CurveKeyPair } from '../../shared/protocol/curve-key.js';
import { checkServerHeartbeat } from '../domain/check-heartbeat.js';
import type { SessionConfig } from '../server/session-config.js';
import { about, type Finding } from './finding.js';

const CONNECT_MS = 5000;

/** Heartbeats that are waited for; one may just have been missed. */
const AWAITED_BEATS = 3;

/** Checks both channels. Nothing is sent on them, so the client that runs is not disturbed. */
export const checkChannels = async (config: SessionConfig, curve: CurveKeyPair): Promise<Finding[]> => {
  const [commandPort, heartbeatPort] = await Promise.all([
    checkPort('command port', config.commandAddress),
    checkPort('beat port', config.heartbeatAddress),
  ]);
  const further = await Promise.all([
    ...(commandPort.level === 'ok' ? [checkHandshake(config, curve)] : []),
    ...(heartbeatPort.level === 'ok' ? [checkHeartbeats(config)] : []),
  ]);
  return [commandPort, heartbeatPort, ...further];
};

const checkPort = async (subject: string, address: string): Promise<Finding> => {
  const { ok, fault } = about(subject);
  const socket = connect(endpointOf(address));
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    return ok(`${address} can be reached`);
  } catch (thrown) {
    const reason = socket.connecting ? `no answer within ${CONNECT_MS / 1000} s` : messageOf(thrown);
    return fault(
      `${address} cannot be reached: ${reason}; check name, route and firewalls between here and there`,
    );
  } finally {
    socket.destroy();
  }
};

const checkHandshake = async (config: SessionConfig, curve: CurveKeyPair): Promise<Finding> => {
  const { ok, warning, fault } = about('encryption');
  const serverKey = config.curveServerKey;
  if (serverKey === undefined) return warning('the server is a 1.x: commands and output travel in the clear');
  const outcome = deferred<Finding>();
  const late = fault(
    'the handshake does not end: another program may answer on that port, or the server has other keys than it says',
  );
  const timer = setTimeout(() => outcome.resolve(late), CONNECT_MS);
  const dealer = new CommandDealer(
    config.commandAddress,
    {
      curve: { own: curve, serverKey },
      ipv6: config.ipv6,
      maxMessageSize: 1024 * 1024,
      reconnectMs: [1000, 1000],
    },
    {
      connected: () => outcome.resolve(ok('the server accepts our Curve key')),
      disconnected: () => undefined,
      refused: () =>
        outcome.resolve(fault('the server does not accept the Curve key that was just named to it')),
      message: () => undefined,
      fault: (thrown) => outcome.resolve(fault(messageOf(thrown))),
    },
  );
  const finding = await outcome.promise;
  clearTimeout(timer);
  await dealer.close();
  return finding;
};

const checkHeartbeats = async (config: SessionConfig): Promise<Finding> => {
  const { ok, fault } = about('heartbeats');
  const outcome = deferred<Finding>();
  const waitMs = AWAITED_BEATS * config.intervalMs;
  let dropped = 'none came';
  const timer = setTimeout(
    () => outcome.resolve(fault(`no heartbeat of the server within ${waitMs / 1000} s: ${dropped}`)),
    waitMs,
  );
  const subscriber = new HeartbeatSubscriber(config.heartbeatAddress, config.ipv6, {
    message: (frames) => {
      const beat = checkServerHeartbeat(frames, config, systemClock.now());
      if (beat.ok) outcome.resolve(ok('they come, and are the server’s own'));
      else dropped = `what came was dropped: ${beat.error.reason}`;
    },
    fault: (thrown) => outcome.resolve(fault(messageOf(thrown))),
  });
  const finding = await outcome.promise;
  clearTimeout(timer);
  await subscriber.close();
  return finding;
};
