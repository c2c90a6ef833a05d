/** What one request and one connection may take of the server. */
export interface HttpLimits {
  /** Bytes of a body. */
  readonly bodyBytes: number;
  /** Bytes of the request line and all headers together. */
  readonly headerBytes: number;
  /** Milliseconds until the headers must be there. */
  readonly headersTimeoutMs: number;
  /** Milliseconds until the whole request must be there. */
  readonly requestTimeoutMs: number;
  /** How often slow senders are looked for, in milliseconds. */
  readonly checkIntervalMs: number;
}

/** The limits that the server runs with (REST API, "Authentication": the largest body). */
export const HTTP_LIMITS: HttpLimits = {
  bodyBytes: 1_000_000,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 30_000,
  checkIntervalMs: 5_000,
};

/** When the server stops, requests that are being served get so many milliseconds. */
export const CLOSE_WITHIN_MS = 2_000;

/** The text that refuses a larger body (413). */
export const BODY_TOO_LARGE = `JSON must be no more than ${HTTP_LIMITS.bodyBytes} bytes.`;
