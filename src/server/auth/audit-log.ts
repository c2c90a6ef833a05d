import type { Logger } from 'pino';
import type { Refusal } from './auth.port.js';
import type { Actor, Audit, AuditAction, AuditDetails } from './audit.port.js';

/** So many nodes are named in one line; the database has them all. */
const NAMED_NODES = 1000;

/** Strangers who are refused for the same reason are told of once in so many milliseconds. */
const QUIET_MS = 10_000;

interface Told {
  at: number;
  /** How many were left out since. */
  others: number;
}

const actorFields = ({ orgName, name, type, from }: Actor) => ({
  org: orgName,
  user: name,
  ...(type === undefined ? {} : { type }),
  from,
});

/** Signatures of those who are outside of the organization are not looked at: anybody can name one of them. */
const isOfStranger = ({ status, reason }: Refusal): boolean => status === 401 || reason === 'association';

/** The audit log: lines of the scope `audit`. */
export class AuditLog implements Audit {
  private readonly strangers = new Map<string, Told>();

  constructor(private readonly logger: Logger) {}

  record(action: AuditAction, who: Actor, outcome: string, { nodes, ...about }: AuditDetails): void {
    const named = nodes && { nodes: nodes.slice(0, NAMED_NODES), node_count: nodes.length };
    this.logger.info({ action, outcome, ...actorFields(who), ...about, ...named }, 'audit');
  }

  /**
   * Somebody was not let write; `route` says what. Where it was not verified who it is, anybody could fill the log with
   * such lines: the first is told at once, then they are counted.
   */
  refused(route: string, who: Actor, refusal: Refusal): void {
    const { reason = '' } = refusal;
    const about = { action: route, outcome: 'refused', reason, ...actorFields(who) };
    if (!isOfStranger(refusal)) return this.logger.warn(about, 'audit');
    const now = performance.now();
    const told = this.strangers.get(reason);
    if (told !== undefined && now - told.at < QUIET_MS) {
      told.others++;
      return;
    }
    this.strangers.set(reason, { at: now, others: 0 });
    this.logger.warn({ ...about, verified: false, ...(told && { others: told.others }) }, 'audit');
  }
}
