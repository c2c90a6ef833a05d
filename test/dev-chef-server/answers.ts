/** What a development Chef Server answers; a body that is a string is sent as it is. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request as the answering functions see it. */
export interface ChefRequest {
  readonly method: string;
  /** As it was sent, with its query, not decoded. */
  readonly target: string;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** 200 with a JSON body. */
export const found = (body: unknown): Answer => ({ status: 200, body });

/** An error with its texts in a list, as most of the Chef Server's are. */
export const refused = (status: number, ...error: string[]): Answer => ({ status, body: { error } });
