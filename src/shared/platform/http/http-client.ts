import { type Dispatcher, request } from 'undici';
import { err, ok, type Result } from '../../lib/result.js';
import { createDispatcher, type DispatcherOptions } from './http-dispatcher.js';
import {
  faultOf,
  type HttpFault,
  type HttpRequest,
  type HttpResponse,
  type HttpStream,
} from './http-exchange.js';
import { WholeAnswer } from './buffered-response.js';

/** HTTP with keep-alive, bounded in time and size. TLS certificates are verified by default. Redirects are not followed. */
export class HttpClient {
  private readonly dispatcher: Dispatcher;

  constructor(options: DispatcherOptions = {}) {
    this.dispatcher = createDispatcher(options);
  }

  /** Sends a request and reads the whole answer, whatever its status. */
  send(message: HttpRequest): Promise<Result<HttpResponse, HttpFault>> {
    const answer = new WholeAnswer(message);
    try {
      const { origin, pathname, search } = new URL(message.url);
      this.dispatcher.dispatch({ origin, path: pathname + search, ...sendable(message) }, answer);
    } catch (thrown) {
      answer.failed(thrown);
    }
    return answer.outcome;
  }

  /** Sends a request and hands out the answer's body as it comes, without a limit of time; `signal` ends it. */
  async open(message: HttpRequest): Promise<Result<HttpStream, HttpFault>> {
    try {
      const { statusCode, headers, body } = await request(message.url, {
        dispatcher: this.dispatcher,
        ...sendable(message),
        ...(message.signal === undefined ? {} : { signal: message.signal }),
      });
      return ok({ status: statusCode, headers, body });
    } catch (thrown) {
      return err(faultOf(message, thrown));
    }
  }

  /** Closes all connections; what is under way is cut off. */
  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }
}

/** What undici is to send. It shall not limit the time of an answer's body: that is done here, where it is wanted. */
const sendable = ({ method, headers, body }: HttpRequest) => ({
  method,
  bodyTimeout: 0,
  ...(headers === undefined ? {} : { headers }),
  ...(body === undefined ? {} : { body }),
});
