import type { KeyObject } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Refusal } from '../http/refused-request.js';

export type { Refusal };

/** Whom a signature belongs to: verified, associated with the organization. */
export interface Identity {
  readonly name: string;
  readonly type: 'user' | 'client';
  readonly orgName: string;
  /** The organization's guid, 32 hex digits. */
  readonly orgId: string;
  /** The key that verified the request. */
  readonly key: KeyObject;
}

/** Who a request comes from, and from where. */
export interface Requestor extends Identity {
  /** IP addresses, nearest first: the connection's, then what each proxy says of its own. */
  readonly from: readonly string[];
  /** The request's signature, verified: bytes that no other request has, but an equal one of the same second. */
  readonly signature: Uint8Array;
}

/** What a route asks of its requestor (REST API, "Rights"). */
export type Right = 'read' | 'write' | 'config';

/** How a route is protected, in the order of REST API, "Order of judgement". */
export interface Protection {
  readonly right: Right;
  /** Media type that the route answers with; an `Accept` that leaves it out gets 406, and a feed needs one. */
  readonly produces: 'application/json' | 'application/octet-stream' | 'text/event-stream';
  /** Judges the request's form before it is known who sent it; the body is a Buffer of the bytes that came. */
  readonly judge?: (request: FastifyRequest) => Refusal | undefined;
  /** Set on a POST route that needs nothing but its path: a body may have any type, or be left out. */
  readonly ignoresBody?: true;
}
