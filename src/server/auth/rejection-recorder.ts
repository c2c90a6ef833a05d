import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Counter, type Registry } from 'prom-client';
import { METRICS } from '../config/config.module.js';
import { AUDIT } from './audit.port.js';
import type { AuditLog } from './audit-log.js';
import type { Refusal } from './auth.port.js';

/** The IP addresses that a request came over, nearest first. */
export const addressesOf = (request: FastifyRequest): readonly string[] => request.ips ?? [request.ip];

/** Takes note of every request that is refused for who sent it or how: counts it, and tells the audit log of writes. */
@Injectable()
export class RefusalDesk {
  private readonly counter: Counter<'reason'>;

  constructor(
    @Inject(AUDIT) private readonly audit: AuditLog,
    @Inject(METRICS) registry: Registry,
  ) {
    this.counter = new Counter({
      name: 'push_jobs_refused_requests_total',
      help: 'Requests that were refused by authentication, authorization or for their form, by reason',
      labelNames: ['reason'],
      registers: [registry],
    });
  }

  /** `name` is who the request says that it comes from, or who it was found to come from. */
  note(request: FastifyRequest, refusal: Refusal, name: string): void {
    this.counter.inc({ reason: refusal.reason ?? 'form' });
    const isWrite = request.method === 'POST' && (refusal.status === 401 || refusal.status === 403);
    if (!isWrite) return;
    const { org = '' } = request.params as { readonly org?: string };
    const actor = { orgName: org, name, from: addressesOf(request) };
    this.audit.refused(`${request.method} ${request.routeOptions.url ?? ''}`, actor, refusal);
  }
}
