import { Reply } from 'zeromq';
import { bindSocket } from './bind-socket.js';
import { receiveUntilClosed } from './receive-loop.js';
import { answerZapRequest, type KeyPredicate } from './zap-request.js';
import type { ZmqContext } from './zmq-context.js';

/** Where ZeroMQ asks, within one context (ZeroMQ RFC 27). */
const ZAP_ADDRESS = 'inproc://zeromq.zap.01';

/** Who connects with which key is judged here. */
export interface ZapHandlerOptions {
  readonly context: ZmqContext;
  readonly domain: string;
  readonly accepts: KeyPredicate;
  /** Told of what should not happen; the handler goes on. */
  readonly fault: (thrown: unknown) => void;
}

/**
 * Answers ZeroMQ's question whether a peer may connect. It must listen before the sockets that it guards do. While it
 * is away, closed or stuck nobody new gets in: those sockets enforce their domain.
 */
export class ZapHandler {
  private readonly reply: Reply;
  private ended: Promise<void> = Promise.resolve();

  constructor(private readonly options: ZapHandlerOptions) {
    this.reply = new Reply({ context: options.context, linger: 0, sendTimeout: 0 });
  }

  /** Begins to answer. Throws an AppError where its context has a ZAP handler already. */
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

  /** Stops answering; resolves when the last question was read. */
  async close(): Promise<void> {
    this.reply.close();
    await this.ended;
  }
}
