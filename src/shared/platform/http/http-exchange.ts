import type { Readable } from 'node:stream';
import { messageOf } from '../../lib/app-error.js';

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
  /** Whether the server may have got the request, so that only its answer is missing. */
  readonly mayHaveArrived: boolean;
}

/** Why a request got no answer, from what was thrown. */
export const faultOf = (message: HttpRequest, thrown: unknown, mayHaveArrived = true): HttpFault =>
  message.signal?.aborted === true
    ? { kind: 'aborted', reason: `the request to ${message.url} was called off`, mayHaveArrived }
    : { kind: 'unreachable', reason: `cannot reach ${message.url}: ${messageOf(thrown)}`, mayHaveArrived };
