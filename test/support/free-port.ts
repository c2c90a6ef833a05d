import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below 32768: the kernel takes the ports of outgoing connections and of `listen(0)` from above, so no other program
 * gets one of these by chance between our check and its use.
 */
const FIRST_PORT = 12_000;
const SLICE_PORTS = 1_000;
const SLICES = 20;

const handedOut = new Set<number>();

/** Test files that run at the same time use different slices; vitest numbers their processes. */
const firstOfSlice = (): number =>
  FIRST_PORT + (Number(process.env.VITEST_POOL_ID ?? 0) % SLICES) * SLICE_PORTS;

/** Returns a free TCP port of 127.0.0.1, each port once; for programs that cannot choose a port themselves. */
export const freePort = async (): Promise<number> => {
  const first = firstOfSlice();
  const start = randomInt(SLICE_PORTS);
  for (let step = 0; step < SLICE_PORTS; step++) {
    const port = first + ((start + step) % SLICE_PORTS);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error(`no port is free from ${first} to ${first + SLICE_PORTS - 1}`);
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
