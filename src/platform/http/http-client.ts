import type { Readable } from 'node:stream';
import { type Dispatcher, request } from 'undici';
import { messageOf } from '../../lib/app-error.js';
import { err, ok, type Result } from '../../lib/result.js';
import { createDispatcher, type DispatcherOptions } from './http-dispatcher.js';

/** One request; `url` is absolute. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Milliseconds from now until the answer must be there whole (default 10,000). */
  readonly timeoutMs?: number;
  /** A longer answer is given up (default 8 MiB). */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface HttpResponse {
  readonly status: number;
  /** Names in small letters. */
  readonly headers: ResponseHeaders;
  readonly body: Buffer;
}

/** An answer whose body is read as it comes. */
export interface HttpStream {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: Readable;
}

/** Why there was no answer; `reason` is for a person. */
export interface HttpFault {
  readonly kind: 'unreachable' | 'timeout' | 'too_large' | 'aborted';
  readonly reason: string;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_BYTES = 8 * 1024 * 1024;

/** HTTP with keep-alive, bounded in time and size. TLS certificates are verified by default. Redirects are not followed. */
export class HttpClient {
  private readonly dispatcher: Dispatcher;

  constructor(options: DispatcherOptions = {}) {
    this.dispatcher = createDispatcher(options);
  }

  /** Sends a request and reads the whole answer, whatever its status. */
  async send(message: HttpRequest): Promise<Result<HttpResponse, HttpFault>> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, maxBytes = DEFAULT_MAX_BYTES } = message;
    const timeout = AbortSignal.timeout(Math.ceil(timeoutMs)); // it takes whole numbers only
    const signal = message.signal === undefined ? timeout : AbortSignal.any([timeout, message.signal]);
    try {
      const { statusCode, headers, body } = await this.dispatch(message, signal);
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > maxBytes) {
          return err({ kind: 'too_large', reason: `${message.url} answered more than ${maxBytes} bytes` });
        }
        chunks.push(chunk);
      }
      return ok({ status: statusCode, headers, body: Buffer.concat(chunks) });
    } catch (thrown) {
      if (timeout.aborted) {
        return err({ kind: 'timeout', reason: `${message.url} did not answer within ${timeoutMs} ms` });
      }
      return err(faultOf(message, thrown));
    }
  }

  /** Sends a request and hands out the answer's body as it comes, without a limit of time; `signal` ends it. */
  async open(message: HttpRequest): Promise<Result<HttpStream, HttpFault>> {
    try {
      const { statusCode, headers, body } = await this.dispatch(message, message.signal);
      return ok({ status: statusCode, headers, body });
    } catch (thrown) {
      return err(faultOf(message, thrown));
    }
  }

  /** Closes all connections; what is under way is cut off. */
  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private dispatch(message: HttpRequest, signal: AbortSignal | undefined): Promise<Dispatcher.ResponseData> {
    return request(message.url, {
      method: message.method,
      dispatcher: this.dispatcher,
      bodyTimeout: 0,
      ...(message.headers === undefined ? {} : { headers: message.headers }),
      ...(message.body === undefined ? {} : { body: message.body }),
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

const faultOf = (message: HttpRequest, thrown: unknown): HttpFault =>
  message.signal?.aborted === true
    ? { kind: 'aborted', reason: `the request to ${message.url} was called off` }
    : { kind: 'unreachable', reason: `cannot reach ${message.url}: ${messageOf(thrown)}` };
