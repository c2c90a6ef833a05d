import type { Dispatcher } from 'undici';
import { deferred } from '../../lib/deferred.js';
import { err, ok, type Result } from '../../lib/result.js';
import { setLongTimer, type Timer } from '../../lib/timer.js';
import {
  faultOf,
  type HttpFault,
  type HttpRequest,
  type HttpResponse,
  type ResponseHeaders,
} from './http-exchange.js';

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_BYTES = 8 * 1024 * 1024;

/**
 * Collects one response as an undici handler. The outcome is known when the response is complete, the time limit is
 * reached, the response is too long, or the request is aborted; an unfinished request is cancelled then.
 */
export class BufferedResponse implements Dispatcher.DispatchHandler {
  private readonly settled = deferred<Result<HttpResponse, HttpFault>>();
  private readonly timer: Timer;
  private readonly chunks: Buffer[] = [];
  private size = 0;
  private status = 0;
  private headers: ResponseHeaders = {};
  private controller: Dispatcher.DispatchController | undefined;
  private isOver = false;

  constructor(private readonly message: HttpRequest) {
    const { url, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = message;
    this.timer = setLongTimer(timeoutMs, () =>
      this.failWith('timeout', `${url} did not answer within ${timeoutMs} ms`),
    );
    if (signal?.aborted === true) this.onAbort();
    else signal?.addEventListener('abort', this.onAbort);
  }

  /** The response or why there is none; never rejects. */
  get outcome(): Promise<Result<HttpResponse, HttpFault>> {
    return this.settled.promise;
  }

  /** Ends the request because of a thrown error. */
  fail(thrown: unknown): void {
    this.end(err(faultOf(this.message, thrown, this.wasSent)));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isOver) this.cancelRequest();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
  ): void {
    // Statuses below 200 come first and only announce a response; the values of the final response replace them.
    this.status = status;
    this.headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { url, maxBytes = DEFAULT_MAX_BYTES } = this.message;
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size > maxBytes) this.failWith('too_large', `${url} answered more than ${maxBytes} bytes`);
  }

  onResponseEnd(): void {
    this.end(ok({ status: this.status, headers: this.headers, body: Buffer.concat(this.chunks) }));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  /** undici starts a request only when it has a connection. */
  private get wasSent(): boolean {
    return this.controller !== undefined;
  }

  private readonly onAbort = (): void => this.fail(undefined);

  private failWith(kind: 'timeout' | 'too_large', reason: string): void {
    this.end(err({ kind, reason, mayHaveArrived: this.wasSent }));
  }

  private end(outcome: Result<HttpResponse, HttpFault>): void {
    if (this.isOver) return;
    this.isOver = true;
    this.timer.cancel();
    this.message.signal?.removeEventListener('abort', this.onAbort);
    if (!outcome.ok) this.cancelRequest();
    this.settled.resolve(outcome);
  }

  private cancelRequest(): void {
    if (this.controller?.aborted === false) this.controller.abort(new Error('the request was cancelled'));
  }
}
