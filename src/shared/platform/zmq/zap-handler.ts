import { Reply } from 'zeromq';
import { answerZapRequest, type KeyPredicate } from './zap-request.js';
import type { ZmqContext } from './zmq-context.js';
import { bindSocket, receiveUntilClosed } from './socket-tools.js';

/** ZeroMQ sends its ZAP requests to this address within one context (ZeroMQ RFC 27). */
const ZAP_ADDRESS = 'inproc://zeromq.zap.01';

export interface ZapHandlerOptions {
  readonly context: ZmqContext;
  readonly domain: string;
  readonly accepts: KeyPredicate;
  /** Called for unexpected errors; the handler continues. */
  readonly fault: (thrown: unknown) => void;
}

/**
 * Authorizes connections for ZeroMQ by the key of the peer. It must listen before the sockets that it guards. While it is
 * closed or stuck, there are no new connections, because these sockets enforce their domain.
 */
export class ZapHandler {
  private readonly reply: Reply;
  private ended: Promise<void> = Promise.resolve();

  constructor(private readonly options: ZapHandlerOptions) {
    this.reply = new Reply({ context: options.context, linger: 0, sendTimeout: 0 });
  }

  /** Starts to answer. Throws an AppError if the context has a ZAP handler already. */
  async listen(): Promise<void> {
    const { domain, accepts, fault } = this.options;
    await bindSocket(this.reply, ZAP_ADDRESS);
    this.ended = receiveUntilClosed(
      this.reply,
      (frames) => {
        this.reply.send([...answerZapRequest(frames, domain, accepts)]).catch(fault);
      },
      fault,
    );
  }

  /** Stops answering; resolves when the last request was read. */
  async close(): Promise<void> {
    this.reply.close();
    await this.ended;
  }
}
