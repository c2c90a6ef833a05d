import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A stretch of network in front of a server, that can be cut and healed. */
export interface TcpProxy {
  readonly port: number;
  /** How many have been made to it so far. */
  readonly connections: number;
  /** Breaks all connections and refuses new ones. */
  cut(): void;
  /** Lets all bytes vanish: nobody is told. */
  swallow(): void;
  /** Lets only those bytes vanish that the server sends. */
  swallowAnswers(): void;
  /** Lets new connections through again; what was swallowed stays lost. */
  heal(): void;
  close(): Promise<void>;
}

/** Starts a proxy on a free port of this machine's `address` that passes connections on to `host:port`. */
export const startTcpProxy = async (host: string, port: number, address = '127.0.0.1'): Promise<TcpProxy> => {
  let mode: 'open' | 'cut' | 'swallowing' | 'swallowing answers' = 'open';
  const sockets = new Set<Socket>();
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
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
        if (mode === 'open' || (mode === 'swallowing answers' && from === inside)) to.write(bytes);
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
    swallow: () => {
      mode = 'swallowing';
    },
    swallowAnswers: () => {
      mode = 'swallowing answers';
    },
    heal: () => {
      mode = 'open';
    },
    close: async () => {
      breakAll();
      server.close();
      await once(server, 'close');
    },
  };
};
