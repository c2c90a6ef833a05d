import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import type { Rejection } from '../http/rejected-request.js';
import type { Actor, AuditAction, AuditDetails, AuditLog } from './auth.port.js';

/** One line lists at most this many nodes; the database has all of them. */
const MAX_LISTED_NODES = 1000;

/** Rejections of unverified senders are logged at most once per reason in this time; others are counted. */
const THROTTLE_MS = 10_000;

interface ThrottledReason {
  readonly loggedAt: number;
  /** Rejections since then that were not logged. */
  suppressed: number;
}

const actorFields = ({ orgName, name, type, from }: Actor) => ({
  org: orgName,
  user: name,
  ...(type === undefined ? {} : { type }),
  from,
});

/** Whether the sender is unverified. The signature of a principal outside the organization is never verified. */
const isUnverified = ({ status, reason }: Rejection): boolean => status === 401 || reason === 'association';

/** Writes the audit log as log lines of the scope `audit`. */
@Injectable()
export class PinoAuditLog implements AuditLog {
  private readonly throttled = new Map<string, ThrottledReason>();
  private readonly logger: Logger;

  constructor(@Inject(LOGGER) logger: Logger) {
    this.logger = logger.child({ scope: 'audit' });
  }

  record(action: AuditAction, actor: Actor, outcome: string, { nodes, ...details }: AuditDetails): void {
    const listed = nodes && { nodes: nodes.slice(0, MAX_LISTED_NODES), node_count: nodes.length };
    this.logger.info({ action, outcome, ...actorFields(actor), ...details, ...listed }, 'audit');
  }

  /**
   * Records the rejection of a write; `action` is method and route. Anybody can send requests that fail verification, so
   * these are throttled: otherwise they could fill the log.
   */
  recordRejection(action: string, actor: Actor, rejection: Rejection): void {
    const { reason = '' } = rejection;
    const fields = { action, outcome: 'refused', reason, ...actorFields(actor) };
    if (!isUnverified(rejection)) {
      this.logger.warn(fields, 'audit');
      return;
    }
    const now = performance.now();
    const previous = this.throttled.get(reason);
    if (previous !== undefined && now - previous.loggedAt < THROTTLE_MS) {
      previous.suppressed++;
      return;
    }
    this.throttled.set(reason, { loggedAt: now, suppressed: 0 });
    const others = previous && { others: previous.suppressed };
    this.logger.warn({ ...fields, verified: false, ...others }, 'audit');
  }
}
