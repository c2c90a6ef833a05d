import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** The shared address of a pair of servers: it forwards connections to the current one. */
export class VirtualAddress {
  private readonly listeners: Server[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(private host: string) {}

  /** Listens on these ports of 127.0.0.1 and forwards connections to the same ports of `host`. */
  static async start(ports: readonly number[], host: string): Promise<VirtualAddress> {
    const address = new VirtualAddress(host);
    for (const port of ports) {
      const listener = createServer((inside) => address.join(inside, connect(port, address.host)));
      address.listeners.push(listener);
      listener.listen(port, '127.0.0.1');
      await once(listener, 'listening');
    }
    return address;
  }

  /** Points to another server; connections to the previous one are reset. */
  moveTo(host: string): void {
    this.host = host;
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  close(): void {
    for (const listener of this.listeners) listener.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private join(inside: Socket, outside: Socket): void {
    for (const [from, to] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      this.sockets.add(from);
      from.pipe(to);
      from.on('error', () => from.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }
}
