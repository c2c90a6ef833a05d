import type { FastifyRequest } from 'fastify';
import type { Refusal } from '../../auth/auth.port.js';
import type { Result } from '../../../shared/lib/result.js';

/**
 * Judges the form of a request before it is known who sent it, and keeps what it asks for until its handler runs.
 * `read` makes sense of it; its error is the text for the user.
 */
export class JudgedRequest<T> {
  private readonly judged = new WeakMap<FastifyRequest, T>();

  constructor(private readonly read: (request: FastifyRequest) => Result<T, string>) {}

  /** The refusal of a request that makes no sense. */
  readonly judge = (request: FastifyRequest): Refusal | undefined => {
    const asked = this.read(request);
    if (!asked.ok) return { status: 400, error: asked.error };
    this.judged.set(request, asked.value);
    return undefined;
  };

  /** What the request asks for, once it was judged. */
  of(request: FastifyRequest): T {
    const asked = this.judged.get(request);
    if (asked === undefined) throw new Error('the request was not judged before its handler');
    return asked;
  }
}
