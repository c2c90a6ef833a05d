import { AppError } from '../lib/app-error.js';

/** The kind of failure. Programs can rely on these values: they do not change. */
export type ApiErrorCode =
  /** 400 or 413: the request itself is wrong. */
  | 'invalid_request'
  /** 401: the server does not accept the signature or the user. */
  | 'unauthorized'
  /** 403: the user does not have this right. */
  | 'forbidden'
  /** 404: no such job, output or organization; also for the names `.` and `..`, which cannot be part of a URL. */
  | 'not_found'
  /**
   * 409 or 422: the request conflicts with the current state: for example, the job to abort has ended, or the idempotency
   * key was used with another request.
   */
  | 'conflict'
  /** 5xx: the server, or one behind it, has a problem; the same request can succeed later. */
  | 'server_error'
  /** No connection, or it broke. */
  | 'unreachable'
  /** No response in time. */
  | 'timeout'
  /** The caller's signal aborted the call. */
  | 'aborted'
  /** The response is not that of a Push Jobs server. */
  | 'unexpected_answer';

/** Why a call failed; the message says what happened and, if known, what to do. */
export class ApiError extends AppError {
  constructor(
    override readonly code: ApiErrorCode,
    message: string,
    /** The HTTP status; undefined if there was no response. */
    readonly status?: number,
    /** The error text of the server; empty if it sent none. */
    readonly serverText = '',
    /** Whether the server may have executed the request, so that only its response is missing. */
    readonly isResponseLost = false,
  ) {
    super(code, message);
    this.name = 'ApiError';
  }

  /** Whether the same call can succeed later. */
  get isTransient(): boolean {
    return this.code === 'server_error' || this.code === 'unreachable' || this.code === 'timeout';
  }
}

/** Creates the error for an unsuccessful response to a request for `url`; `redirect` explains a redirect. */
export const errorOfResponse = (
  url: string,
  status: number,
  serverText: string,
  redirect?: string,
): ApiError => {
  const code = codeOf(status);
  const description = serverText === '' ? `status ${status}` : `${serverText} (status ${status})`;
  const advice = ADVICE[code];
  const hint = redirect === undefined ? advice && `. ${advice}` : `; ${redirect}`;
  // A gateway error without a text of the server comes from a proxy: the server may have executed the request.
  const isResponseLost = (status === 502 || status === 504) && serverText === '';
  return new ApiError(code, `${url}: ${description}${hint ?? ''}`, status, serverText, isResponseLost);
};

const ADVICE: Partial<Record<ApiErrorCode, string>> = {
  forbidden:
    'Reading jobs needs the group pushy_job_readers, starting them pushy_job_writers, if these groups exist; otherwise starting needs the group admins',
  server_error:
    'Try again later; if the error persists, ask the administrator of the server to look at its log',
  unexpected_answer: 'Check that this is the address of a Chef Server with Push Jobs, not that of a proxy',
};

const codeOf = (status: number): ApiErrorCode => {
  switch (status) {
    case 400:
    case 413:
      return 'invalid_request';
    case 401:
      return 'unauthorized';
    case 403:
      return 'forbidden';
    case 404:
      return 'not_found';
    case 409:
    case 422:
      return 'conflict';
    default:
      return status >= 500 ? 'server_error' : 'unexpected_answer';
  }
};
