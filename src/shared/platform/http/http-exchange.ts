import type { Readable } from 'node:stream';
import { messageOf } from '../../lib/app-error.js';

/** One request; `url` is absolute. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Time limit for the complete response in milliseconds (default 10,000). */
  readonly timeoutMs?: number;
  /** A response with a longer body fails (default 8 MiB). */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface HttpResponse {
  readonly status: number;
  /** Names are in lower case. */
  readonly headers: ResponseHeaders;
  readonly body: Buffer;
}

/** A response whose body is read as it arrives. */
export interface HttpStream {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: Readable;
}

/** Why there is no response; `reason` is for a user. */
export interface HttpFault {
  readonly kind: 'unreachable' | 'timeout' | 'too_large' | 'aborted';
  readonly reason: string;
  /** Whether the server may have received the request, so that only its response is missing. */
  readonly mayHaveArrived: boolean;
}

/** Explains from what was thrown why a request got no response. */
export const faultOf = (message: HttpRequest, thrown: unknown, mayHaveArrived = true): HttpFault =>
  message.signal?.aborted === true
    ? { kind: 'aborted', reason: `the request to ${message.url} was aborted`, mayHaveArrived }
    : { kind: 'unreachable', reason: `cannot reach ${message.url}: ${messageOf(thrown)}`, mayHaveArrived };

/**
 * Says what to do about a redirect; returns undefined if the response is not a redirect. Redirects are not followed, because the
 * signature is valid for the configured address only. `url` is the requested address, below `serverUrl`.
 */
export const explainRedirect = (
  { status, headers }: Pick<HttpResponse, 'status' | 'headers'>,
  url: string,
  serverUrl: string,
): string | undefined => {
  const [location = ''] = [headers.location].flat();
  if (status < 300 || status > 399 || location === '' || !URL.canParse(location, url)) return undefined;
  const { origin, pathname } = new URL(location, url);
  const requested = new URL(url).pathname.slice(new URL(serverUrl).pathname.length);
  const target = pathname.endsWith(requested) ? origin + pathname.slice(0, -requested.length) : serverUrl;
  const advice =
    target === serverUrl ? "the Chef Server's own address, if that is it" : `'${target}', if that is it`;
  return `it points to ${origin}${pathname}, which is not followed; set chef_server_url to ${advice}`;
};
