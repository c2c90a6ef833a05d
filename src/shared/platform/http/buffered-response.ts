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
 * Puts one answer together as it comes, for undici to hand it to. It has an outcome when the answer is whole, the time is
 * up, the answer is too long or the request is called off; a request that is not done then is given up.
 */
export class WholeAnswer implements Dispatcher.DispatchHandler {
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
      this.fault('timeout', `${url} did not answer within ${timeoutMs} ms`),
    );
    if (signal?.aborted === true) this.callOff();
    else signal?.addEventListener('abort', this.callOff);
  }

  /** What came of the request; never rejects. */
  get outcome(): Promise<Result<HttpResponse, HttpFault>> {
    return this.settled.promise;
  }

  /** There will be no answer. */
  failed(thrown: unknown): void {
    this.end(err(faultOf(this.message, thrown, this.wasSent)));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isOver) this.giveUp();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
  ): void {
    // Statuses below 200 come first and only announce an answer, whose own come over them.
    this.status = status;
    this.headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { url, maxBytes = DEFAULT_MAX_BYTES } = this.message;
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size > maxBytes) this.fault('too_large', `${url} answered more than ${maxBytes} bytes`);
  }

  onResponseEnd(): void {
    this.end(ok({ status: this.status, headers: this.headers, body: Buffer.concat(this.chunks) }));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.failed(error);
  }

  /** A request gets its controller when it goes out over a connection that stands. */
  private get wasSent(): boolean {
    return this.controller !== undefined;
  }

  private readonly callOff = (): void => this.failed(undefined);

  private fault(kind: 'timeout' | 'too_large', reason: string): void {
    this.end(err({ kind, reason, mayHaveArrived: this.wasSent }));
  }

  private end(outcome: Result<HttpResponse, HttpFault>): void {
    if (this.isOver) return;
    this.isOver = true;
    this.timer.cancel();
    this.message.signal?.removeEventListener('abort', this.callOff);
    if (!outcome.ok) this.giveUp();
    this.settled.resolve(outcome);
  }

  private giveUp(): void {
    if (this.controller?.aborted === false) this.controller.abort(new Error('the request was given up'));
  }
}
