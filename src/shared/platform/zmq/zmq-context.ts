import { capability, Context, version } from 'zeromq';
import { AppError } from '../../lib/app-error.js';

/** Sockets of one context see each other's `inproc` addresses; a server has one of its own. */
export type ZmqContext = Context;

/** Servers that speak Curve could be overflowed before authentication in what came before this. */
const OLDEST_SAFE = [4, 3, 2] as const;

/**
 * Throws an AppError where a ZeroMQ library must not be used for a Curve server: it is older than 4.3.2, whose
 * handshake could be overflowed by strangers, or it was built without Curve.
 */
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

/** Makes the context for a server's sockets; throws an AppError where the library is not fit for a server. */
export const createServerContext = (ioThreads: number): ZmqContext => {
  assertSafeZmq(version, capability.curve === true);
  return new Context({ ioThreads, blocky: false });
};
