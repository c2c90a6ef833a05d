import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { RejectedRequest } from '../http/rejected-request.js';
import { Clock } from '../../shared/lib/clock.js';
import {
  parseSignedHeaders,
  type SignedHeaders,
} from '../../shared/protocol/chef-signature/signed-headers.js';
import type { Protection, Requestor } from './auth.port.js';
import { RejectionRecorder } from './rejection-recorder.js';
import { rejections } from './rejections.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set on protected routes. */
    protection?: Protection;
  }
  interface FastifyRequest {
    /** The parsed headers of a request to a protected route; the signature is not verified yet. */
    signedHeaders?: SignedHeaders;
    /** The sender of the request; set after it is authenticated and authorized. */
    requestor?: Requestor;
  }
}

/** Parses the signed headers of requests to protected routes, and rejects invalid ones before the body is read. */
@Injectable()
export class SignedHeadersHook implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    private readonly clock: Clock,
    private readonly recorder: RejectionRecorder,
  ) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance();
    fastify.addHook('onRequest', (request, _reply, done) => done(this.parse(request)));
  }

  private parse(request: FastifyRequest): RejectedRequest | undefined {
    if (request.routeOptions.config.protection === undefined) return undefined;
    const headers = parseSignedHeaders(request.headers, this.clock.now());
    if (headers.ok) {
      request.signedHeaders = headers.value;
      return undefined;
    }
    const rejection = rejections.headers(headers.error);
    this.recorder.record(request, rejection, String(request.headers['x-ops-userid'] ?? ''));
    return new RejectedRequest(rejection);
  }
}
