import { AppError } from '../../lib/app-error.js';

/**
 * Why a feed cannot be read: `feed_refused`, the server answered with something that is no feed; `feed_lost`, it could
 * not be reached, or broke off, too often in a row; `feed_malformed`, one of its events is larger than is allowed.
 */
export class SseFault extends AppError {
  constructor(
    code: 'feed_refused' | 'feed_lost' | 'feed_malformed',
    message: string,
    /** The answer's HTTP status and text, where there was an answer that is no feed. */
    readonly answer?: { readonly status: number; readonly body: Buffer },
  ) {
    super(code, message);
    this.name = 'SseFault';
  }
}
