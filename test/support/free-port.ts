import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Ports below those that the kernel gives to outgoing connections and to `listen(0)` (32768 and up), so that nobody
 * is handed one by chance between the look here and its use.
 */
const FIRST_PORT = 12_000;
const SLICE_PORTS = 1_000;
const SLICES = 20;

const given = new Set<number>();

/** Test files that run at the same time each look in a slice of their own; vitest numbers their processes. */
const firstOfSlice = (): number =>
  FIRST_PORT + (Number(process.env.VITEST_POOL_ID ?? 0) % SLICES) * SLICE_PORTS;

/** A TCP port of 127.0.0.1 that is free now, for a program that cannot be told to take any; each is given once. */
export const freePort = async (): Promise<number> => {
  const first = firstOfSlice();
  const start = randomInt(SLICE_PORTS);
  for (let step = 0; step < SLICE_PORTS; step++) {
    const port = first + ((start + step) % SLICE_PORTS);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
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
