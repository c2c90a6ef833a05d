import { AppError } from '../lib/app-error.js';

/** What kind of failure it was; does not change, so that programs can rely on it. */
export type ApiErrorCode =
  /** 400 or 413: the request itself is wrong. */
  | 'invalid_request'
  /** 401: the server does not believe who we are. */
  | 'unauthorized'
  /** 403: it does, but we may not do that. */
  | 'forbidden'
  /** 404: no such job, output, or organization; or a name that cannot be asked about, `.` or `..`. */
  | 'not_found'
  /**
   * 409 or 422: what is asked for does not fit how things stand by now, like the abort of a job that has ended, or an
   * idempotency key that came before with another request.
   */
  | 'conflict'
  /** 5xx: the server, or one behind it, is in trouble; the same request may pass later. */
  | 'server_error'
  /** No connection, or none that held. */
  | 'unreachable'
  /** No answer in time. */
  | 'timeout'
  /** The caller's own signal ended it. */
  | 'aborted'
  /** Something answered, but not as a Push Jobs server does. */
  | 'unexpected_answer';

/** Why a call of the API failed; the message says what happened and, where it is known, what to do. */
export class ApiError extends AppError {
  constructor(
    override readonly code: ApiErrorCode,
    message: string,
    /** The HTTP status; undefined where no answer came. */
    readonly status?: number,
    /** The server's own words; empty where it sent none. */
    readonly serverText = '',
    /** Whether the server may have done what it was asked all the same, and only its answer is missing. */
    readonly isAnswerLost = false,
  ) {
    super(code, message);
    this.name = 'ApiError';
  }

  /** Whether the same call may well succeed a little later. */
  get isPassing(): boolean {
    return this.code === 'server_error' || this.code === 'unreachable' || this.code === 'timeout';
  }
}

/** The error for an answer whose status is not a success; `url` is what was asked, `redirect` where that points to. */
export const errorOfAnswer = (
  url: string,
  status: number,
  serverText: string,
  redirect?: string,
): ApiError => {
  const code = codeOf(status);
  const said = serverText === '' ? `status ${status}` : `${serverText} (status ${status})`;
  const advice = ADVICE[code];
  const further = redirect === undefined ? advice && `. ${advice}` : `; ${redirect}`;
  // A proxy in between says so in words of its own; a server that says it of itself has done nothing.
  const isAnswerLost = (status === 502 || status === 504) && serverText === '';
  return new ApiError(code, `${url}: ${said}${further ?? ''}`, status, serverText, isAnswerLost);
};

const ADVICE: Partial<Record<ApiErrorCode, string>> = {
  forbidden:
    'To read jobs one must be in the group pushy_job_readers, to start them in pushy_job_writers, where those exist; otherwise starting needs the group admins',
  server_error: 'Try again a little later; if it stays so, ask who runs the server to look at its log',
  unexpected_answer: 'Is this the address of a Chef Server with Push Jobs, and not that of a proxy?',
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
