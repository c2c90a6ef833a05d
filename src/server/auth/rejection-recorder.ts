import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Counter, Registry } from 'prom-client';
import type { Rejection } from '../http/rejected-request.js';
import { PinoAuditLog } from './pino-audit-log.js';

/** Returns the IP addresses that a request came through, nearest first. */
export const addressesOf = (request: FastifyRequest): readonly string[] => request.ips ?? [request.ip];

/** Counts rejected requests to protected routes, and records rejected writes in the audit log. */
@Injectable()
export class RejectionRecorder {
  private readonly counter: Counter<'reason'>;

  constructor(
    private readonly audit: PinoAuditLog,
    registry: Registry,
  ) {
    this.counter = new Counter({
      name: 'push_jobs_refused_requests_total',
      help: 'Requests that were refused by authentication, authorization or for their form, by reason',
      labelNames: ['reason'],
      registers: [registry],
    });
  }

  /** `name` is that of the requestor, or the one that an unverified request claims. */
  record(request: FastifyRequest, rejection: Rejection, name: string): void {
    this.counter.inc({ reason: rejection.reason ?? 'form' });
    const isWrite = request.method === 'POST' && (rejection.status === 401 || rejection.status === 403);
    if (!isWrite) return;
    const { org = '' } = request.params as { readonly org?: string };
    const actor = { orgName: org, name, from: addressesOf(request) };
    this.audit.recordRejection(`${request.method} ${request.routeOptions.url ?? ''}`, actor, rejection);
  }
}
