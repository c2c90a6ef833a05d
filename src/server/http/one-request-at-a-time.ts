import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A connection with more waiting requests is closed. Clients in the field send the next request after the response. */
export const MAX_WAITING_REQUESTS = 100;

type Exchange = readonly [request: IncomingMessage, response: ServerResponse];

/**
 * Wraps a request listener so that it gets a request only after the client has taken the previous response of the same
 * connection. While a request waits, the server does not read from the connection. So responses that a client does not
 * take need no memory, however many requests it sends.
 */
export const oneRequestAtATime = (listener: RequestListener): RequestListener => {
  const connections = new WeakMap<Socket, PipelinedRequests>();
  return (request, response) => {
    const { socket } = request;
    let connection = connections.get(socket);
    if (connection === undefined) {
      connection = new PipelinedRequests(socket, listener);
      connections.set(socket, connection);
    }
    connection.add([request, response]);
  };
};

/** The requests of one connection. */
class PipelinedRequests {
  private readonly waiting: Exchange[] = [];
  private isServing = false;
  /** `close` follows when the last byte of a response is handed to the kernel. */
  private readonly serveNext = (): void => {
    this.isServing = false;
    const next = this.waiting.shift();
    if (next === undefined || this.socket.destroyed) return;
    if (this.waiting.length === 0) this.socket.resume();
    this.serve(next);
  };

  constructor(
    private readonly socket: Socket,
    private readonly listener: RequestListener,
  ) {
    // Node.js resumes the socket when a handler reads a body. That takes effect in a later tick, and if the socket was
    // paused meanwhile, `pause` alone does nothing: Node.js stops reading when the socket emits `pause`.
    socket.on('resume', () => {
      if (this.waiting.length === 0) return;
      if (socket.isPaused()) socket.emit('pause');
      else socket.pause();
    });
  }

  add(exchange: Exchange): void {
    if (!this.isServing) {
      this.serve(exchange);
      return;
    }
    if (this.waiting.length >= MAX_WAITING_REQUESTS) {
      this.waiting.length = 0;
      this.socket.destroy();
    }
    if (this.socket.destroyed) return;
    this.waiting.push(exchange);
    this.socket.pause();
  }

  private serve([request, response]: Exchange): void {
    this.isServing = true;
    response.once('close', this.serveNext);
    this.listener(request, response);
  }
}
