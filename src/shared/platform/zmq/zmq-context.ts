import { capability, Context as ZmqContext, version } from 'zeromq';
import { AppError } from '../../lib/app-error.js';

/** Sockets of one context share `inproc` addresses; each server has its own context. */
export { ZmqContext };

/** Older versions have a buffer overflow in the Curve handshake of servers, before authentication. */
const OLDEST_SAFE = [4, 3, 2] as const;

/** Throws an AppError if a ZeroMQ library is too old for a Curve server, or built without Curve. */
export const assertSafeZmq = (libraryVersion: string, hasCurve: boolean): void => {
  const [major = 0, minor = 0, patch = 0] = libraryVersion.split('.').map(Number);
  const [safeMajor, safeMinor, safePatch] = OLDEST_SAFE;
  const isSafe =
    major > safeMajor ||
    (major === safeMajor && (minor > safeMinor || (minor === safeMinor && patch >= safePatch)));
  if (!isSafe) {
    throw new AppError(
      'zeromq_too_old',
      `the ZeroMQ library is version ${libraryVersion}; a server needs ${OLDEST_SAFE.join('.')} or newer`,
    );
  }
  if (!hasCurve) {
    throw new AppError('zeromq_without_curve', 'the ZeroMQ library was built without Curve encryption');
  }
};

/** Creates the context for a server's sockets; throws an AppError as `assertSafeZmq` does. */
export const createServerContext = (ioThreads: number): ZmqContext => {
  assertSafeZmq(version, capability.curve === true);
  return new ZmqContext({ ioThreads, blocky: false });
};
