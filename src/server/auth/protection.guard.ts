import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import { RejectedRequest, type Rejection } from '../http/rejected-request.js';
import { AppError } from '../../shared/lib/app-error.js';
import type { Protection } from './auth.port.js';
import { Authenticator } from './authenticator.js';
import { Authorizer } from './authorizer.js';
import { addressesOf, RejectionRecorder } from './rejection-recorder.js';
import { rejections } from './rejections.js';

interface RouteParams {
  readonly org?: string;
  readonly node?: string;
}

const NO_BODY = Buffer.alloc(0);

/** Larger bodies are parsed only after their sender has the right that the route requires. */
const MAX_UNVERIFIED_BODY_BYTES = 16 * 1024;

/**
 * Rejects requests to protected routes in the order of docs/spec/rest-api.md, "Order of verification". Earlier hooks have
 * verified path, method, signed headers and size.
 */
@Injectable()
export class ProtectionGuard implements CanActivate {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly authorizer: Authorizer,
    private readonly recorder: RejectionRecorder,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const rejection = await this.findRejection(request);
    if (rejection === undefined) return true;
    this.recorder.record(request, rejection, request.signedHeaders?.userId ?? '');
    throw new RejectedRequest(rejection);
  }

  private async findRejection(request: FastifyRequest): Promise<Rejection | undefined> {
    const { signedHeaders } = request;
    const { protection } = request.routeOptions.config;
    const { org, node } = request.params as RouteParams;
    if (protection === undefined || signedHeaders === undefined || org === undefined) {
      throw new AppError('route_unprotected', `${request.routeOptions.url ?? ''} needs @Protected and :org`);
    }
    const body = Buffer.isBuffer(request.body) ? request.body : NO_BODY;
    const isLarge = body.length > MAX_UNVERIFIED_BODY_BYTES;
    const malformed =
      checkContentType(request, protection) ?? (isLarge ? undefined : protection.parse?.(request));
    if (malformed !== undefined) return malformed;

    // Sent before the groups are requested, so that the signature is verified while they are on their way.
    const identity = this.authenticator.identify(org, signedHeaders, {
      method: request.method,
      path: request.raw.url ?? '',
      body,
    });
    const groups = this.authorizer.prefetchGroups(org, signedHeaders.userId, protection.right);
    const requestor = await identity;
    if (!requestor.ok) return requestor.error;
    const denied = await this.authorizer.authorize(requestor.value, protection.right, node, groups);
    if (denied !== undefined) return denied;
    const signature = withoutLeadingZeros(signedHeaders.signature);
    request.requestor = { ...requestor.value, from: addressesOf(request), signature };
    return (isLarge ? protection.parse?.(request) : undefined) ?? checkAccept(request, protection.produces);
  }
}

const withoutLeadingZeros = (bytes: Uint8Array): Uint8Array => {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first <= 0 ? bytes : bytes.subarray(first);
};

/** Returns the rejection of a body that is not plain JSON. */
const checkContentType = (request: FastifyRequest, { ignoresBody }: Protection): Rejection | undefined => {
  if (request.method !== 'POST' || ignoresBody) return undefined;
  if (request.mediaType !== 'application/json')
    return rejections.contentType(request.headers['content-type']);
  const encoding = request.headers['content-encoding'];
  return encoding === undefined || encoding === 'identity' ? undefined : rejections.contentEncoding(encoding);
};

/** Returns the rejection of a request whose `Accept` excludes what the route produces. A feed requires the header. */
const checkAccept = (request: FastifyRequest, produces: Protection['produces']): Rejection | undefined => {
  if (request.headers.accept === undefined && produces === 'text/event-stream') return rejections.noAccept();
  const isAccepted = new Negotiator(request).mediaType([produces]) !== undefined;
  return isAccepted ? undefined : rejections.accept(produces);
};
