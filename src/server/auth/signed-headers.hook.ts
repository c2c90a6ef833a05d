import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { CLOCK } from '../config/config.module.js';
import { RefusedRequest } from '../http/refused-request.js';
import type { Clock } from '../../shared/lib/clock.js';
import {
  readSignedHeaders,
  type SignedHeaders,
} from '../../shared/protocol/chef-signature/signed-headers.js';
import type { Protection, Requestor } from './auth.port.js';
import { RefusalDesk } from './rejection-recorder.js';
import { refusals } from './refusals.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set on routes that are protected. */
    protection?: Protection;
  }
  interface FastifyRequest {
    /** Read from the headers of a request to a protected route; nothing is verified yet. */
    signedHeaders?: SignedHeaders;
    /** Who sent the request; set once everything was judged. */
    requestor?: Requestor;
  }
}

/** Judges the signed headers of requests to protected routes before their body is read. */
@Injectable()
export class SignedHeadersHook implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly desk: RefusalDesk,
  ) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance();
    fastify.addHook('onRequest', (request, _reply, done) => done(this.refuse(request)));
  }

  private refuse(request: FastifyRequest): RefusedRequest | undefined {
    if (request.routeOptions.config.protection === undefined) return undefined;
    const headers = readSignedHeaders(request.headers, this.clock.now());
    if (headers.ok) {
      request.signedHeaders = headers.value;
      return undefined;
    }
    const refusal = refusals.headers(headers.error);
    this.desk.note(request, refusal, String(request.headers['x-ops-userid'] ?? ''));
    return new RefusedRequest(refusal);
  }
}
