import { once } from 'node:events';
import { createServer } from 'node:net';
import { AppError } from '../../src/lib/app-error.js';

/** The TCP ports of 127.0.0.1 that the quick start listens on. */
export interface Ports {
  readonly heartbeat: number;
  readonly chef: number;
  readonly command: number;
  readonly api: number;
}

/** The first port of four; the server's three are its usual ones unless told otherwise. */
export const DEFAULT_FIRST_PORT = 10_000;

export const portsFrom = (first: number): Ports => ({
  heartbeat: first,
  chef: first + 1,
  command: first + 2,
  api: first + 3,
});

/** Throws an AppError that names the first port that somebody else listens on, and says what to do. */
export const checkPorts = async (ports: Ports): Promise<void> => {
  for (const [name, port] of Object.entries(ports) as [keyof Ports, number][]) {
    const probe = createServer();
    try {
      probe.listen(port, '127.0.0.1');
      await once(probe, 'listening');
    } catch {
      throw new AppError(
        'port_taken',
        `port ${port} (${name}) of 127.0.0.1 is taken: stop what listens there (is another quick start up?), ` +
          'or use other ports, such as: npm run quickstart -- --ports 20000',
      );
    } finally {
      probe.close();
    }
  }
};
