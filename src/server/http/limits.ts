/** What one request and one connection may use. */
export interface HttpLimits {
  /** Maximum size of a body. */
  readonly bodyBytes: number;
  /** Maximum size of the request line and all headers together. */
  readonly headerBytes: number;
  /** Maximum time until the headers are complete, in milliseconds. */
  readonly headersTimeoutMs: number;
  /** Maximum time until the request is complete, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** How long a connection without a request stays open, in milliseconds. */
  readonly keepAliveTimeoutMs: number;
  /** How often the timeouts of requests are checked, in milliseconds. */
  readonly checkIntervalMs: number;
}

/** The server's limits. See docs/spec/rest-api.md, "Authentication: Chef signed headers". */
export const HTTP_LIMITS: HttpLimits = {
  bodyBytes: 1_000_000,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 72_000,
  checkIntervalMs: 5_000,
};

/** How long requests in progress may take when the server stops, in milliseconds. */
export const CLOSE_GRACE_MS = 2_000;

/** Error text of the response (413) to a larger body. */
export const BODY_TOO_LARGE = `JSON must be no more than ${HTTP_LIMITS.bodyBytes} bytes.`;
