import { HttpException } from '@nestjs/common';

/** An answer that refuses a request: a list of texts from authentication, a plain text from validation. */
export interface Refusal {
  readonly status: number;
  readonly error: string | readonly string[];
  /** Names the fault, for counts and the audit log; not sent. */
  readonly reason?: string;
  /** Headers that go with it. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown at the edge (guards, controllers) to end a request with this answer. */
export class RefusedRequest extends HttpException {
  constructor(readonly refusal: Refusal) {
    super({ error: refusal.error }, refusal.status);
  }
}
