import type { KeyObject } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Rejection } from '../http/rejected-request.js';

/** A principal whose signature is verified and who is a member of the organization. */
export interface Identity {
  readonly name: string;
  readonly type: 'user' | 'client';
  readonly orgName: string;
  /** The organization's guid, 32 hex digits. */
  readonly orgId: string;
  /** The key that verified the request. */
  readonly key: KeyObject;
}

/** The principal of a verified request, and the addresses it came from. */
export interface Requestor extends Identity {
  /** IP addresses, nearest first: that of the connection, then those that proxies report. */
  readonly from: readonly string[];
  /**
   * The verified signature as a number: without leading zero bytes, which OpenSSL does not require in versions 1.0 and
   * 1.1. Only an identical request of the same second has the same one.
   */
  readonly signature: Uint8Array;
}

/** The right that a route requires. See docs/spec/rest-api.md, "Rights". */
export type Right = 'read' | 'write' | 'config';

/** How a route is protected. See docs/spec/rest-api.md, "Order of verification". */
export interface Protection {
  readonly right: Right;
  /** Media type of the response. A request whose `Accept` excludes it gets 406; a feed requires the header. */
  readonly produces: 'application/json' | 'application/octet-stream' | 'text/event-stream';
  /**
   * Parses the request before its sender is known, or after that if its body is large; returns the rejection of an
   * invalid one. The body is a Buffer.
   */
  readonly parse?: (request: FastifyRequest) => Rejection | undefined;
  /** Set on a POST route that uses only its path: the body may be missing or have any type. */
  readonly ignoresBody?: true;
}

/** Who did something, as far as that is known, and from where. */
export interface Actor {
  readonly orgName: string;
  readonly name: string;
  readonly type?: 'user' | 'client';
  /** IP addresses, nearest first. */
  readonly from: readonly string[];
}

export type AuditAction = 'job_start' | 'job_abort' | 'node_key';

/** Records who did what, from where, to which nodes, and with which outcome. See docs/spec/security.md, "Audit log". */
export abstract class AuditLog {
  /** `details` must not contain keys. */
  abstract record(action: AuditAction, actor: Actor, outcome: string, details: AuditDetails): void;
}

export interface AuditDetails {
  readonly job?: string;
  readonly command?: string;
  /** The user that the command runs as. */
  readonly runAs?: string;
  readonly nodes?: readonly string[];
}
