/** A response of the development Chef Server; a string body is sent unchanged, any other body as JSON. */
export interface ChefResponse {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request to the development Chef Server. */
export interface ChefRequest {
  readonly method: string;
  /** Path and query as sent, not decoded. */
  readonly target: string;
  /** Names are in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Returns 200 with a JSON body. */
export const ok = (body: unknown): ChefResponse => ({ status: 200, body });

/** Returns an error with its texts in a list, the form of most errors of the Chef Server. */
export const rejected = (status: number, ...error: string[]): ChefResponse => ({ status, body: { error } });
