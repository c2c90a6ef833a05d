import { HttpException } from '@nestjs/common';

/** A response that rejects a request. `error` is a list of texts from authentication, a plain text from validation. */
export interface Rejection {
  readonly status: number;
  readonly error: string | readonly string[];
  /** A short name of the fault for metrics and the audit log; not sent. */
  readonly reason?: string;
  /** Headers of the response. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by guards, hooks and controllers to reject a request. */
export class RejectedRequest extends HttpException {
  constructor(readonly rejection: Rejection) {
    super({ error: rejection.error }, rejection.status);
  }
}
