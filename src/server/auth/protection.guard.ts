import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RefusedRequest } from '../http/refused-request.js';
import { AppError } from '../../shared/lib/app-error.js';
import type { Refusal } from './auth.port.js';
import { Authenticator } from './authenticator.js';
import { refuseAccept, refuseContentType } from './media-types.js';
import { addressesOf, RefusalDesk } from './rejection-recorder.js';
import { Rights } from './rights.js';

interface RouteParams {
  readonly org?: string;
  readonly node?: string;
}

const NO_BODY = Buffer.alloc(0);

/**
 * Judges a request to a protected route, in the order of REST API, "Order of judgement". When it comes here its path,
 * method, signed headers and size have been found good.
 */
@Injectable()
export class ProtectionGuard implements CanActivate {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly rights: Rights,
    private readonly desk: RefusalDesk,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const refusal = await this.refuse(request);
    if (refusal === undefined) return true;
    this.desk.note(request, refusal, request.signedHeaders?.userId ?? '');
    throw new RefusedRequest(refusal);
  }

  private async refuse(request: FastifyRequest): Promise<Refusal | undefined> {
    const { signedHeaders } = request;
    const { protection } = request.routeOptions.config;
    const { org, node } = request.params as RouteParams;
    if (protection === undefined || signedHeaders === undefined || org === undefined) {
      throw new AppError('route_unprotected', `${request.routeOptions.url ?? ''} needs @Protected and :org`);
    }
    const misformed = refuseContentType(request, protection) ?? protection.judge?.(request);
    if (misformed !== undefined) return misformed;

    // Who it is is asked first: the signature is verified while the groups are looked up.
    const identity = this.authenticator.identify(org, signedHeaders, {
      method: request.method,
      path: request.raw.url ?? '',
      body: Buffer.isBuffer(request.body) ? request.body : NO_BODY,
    });
    const groups = this.rights.askAhead(org, signedHeaders.userId, protection.right);
    const requestor = await identity;
    if (!requestor.ok) return requestor.error;
    const denied = await this.rights.refuse(requestor.value, protection.right, node, groups);
    if (denied !== undefined) return denied;
    const { signature } = signedHeaders;
    request.requestor = { ...requestor.value, from: addressesOf(request), signature };
    return refuseAccept(request, protection.produces);
  }
}
