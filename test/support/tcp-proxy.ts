import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy in front of a server that can simulate network failures. */
export interface TcpProxy {
  readonly port: number;
  /** Number of connections to the proxy so far. */
  readonly connections: number;
  /** Resets all connections and rejects new ones. */
  cut(): void;
  /** Drops all bytes silently. */
  dropBytes(): void;
  /** Drops silently the bytes that the server sends. */
  dropServerBytes(): void;
  /** Holds all bytes back, as a network that stalls; new connections open, and also stall. */
  stall(): void;
  /** Forwards everything again, also what was held back; dropped bytes stay lost. */
  heal(): void;
  close(): Promise<void>;
}

/** Starts a proxy on a free port of the local `address` that forwards connections to `host:port`. */
export const startTcpProxy = async (host: string, port: number, address = '127.0.0.1'): Promise<TcpProxy> => {
  let mode: 'open' | 'cut' | 'dropping' | 'dropping server bytes' | 'stalled' = 'open';
  const sockets = new Set<Socket>();
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    if (mode === 'stalled') socket.pause();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  let connections = 0;
  const server = createServer((inside) => {
    connections++;
    track(inside);
    if (mode === 'cut') {
      inside.resetAndDestroy();
      return;
    }
    const outside = track(connect(port, host));
    const pass = (from: Socket, to: Socket): void => {
      from.on('data', (bytes) => {
        if (mode === 'open' || mode === 'stalled' || (mode === 'dropping server bytes' && from === inside))
          to.write(bytes);
      });
      from.on('close', () => to.destroy());
    };
    pass(inside, outside);
    pass(outside, inside);
  });
  server.listen(0, address);
  await once(server, 'listening');
  const breakAll = (): void => sockets.forEach((socket) => socket.resetAndDestroy());
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    cut: () => {
      mode = 'cut';
      breakAll();
    },
    dropBytes: () => {
      mode = 'dropping';
    },
    dropServerBytes: () => {
      mode = 'dropping server bytes';
    },
    stall: () => {
      mode = 'stalled';
      sockets.forEach((socket) => socket.pause());
    },
    heal: () => {
      mode = 'open';
      sockets.forEach((socket) => socket.resume());
    },
    close: async () => {
      breakAll();
      server.close();
      await once(server, 'close');
    },
  };
};
