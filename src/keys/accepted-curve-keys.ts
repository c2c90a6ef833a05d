import type { NodeSession } from './node-session.js';

/** One Curve key that lets its owner connect. */
export interface AcceptedCurveKey {
  /** 32 raw bytes. */
  readonly curveKey: Buffer;
  readonly session: NodeSession;
  /** Milliseconds since 1970, as it is stored. */
  expiresAt: number;
}

/** A client names one key for the life of its process; a node that keeps naming others loses its oldest. */
const MAX_KEYS_PER_NODE = 8;

/**
 * The Curve keys that may connect. A key is valid for a while after its node last named it; the newest key of a node
 * also for as long after a message from that node, since a node that is busy names its key to nobody for days.
 */
export class AcceptedCurveKeys {
  private readonly byKey = new Map<string, AcceptedCurveKey>();

  constructor(private readonly validityMs: () => number) {}

  /** Accepts a key, which becomes the newest of its node. */
  add(curveKey: Buffer, session: NodeSession, expiresAt: number): void {
    this.remove(curveKey);
    this.byKey.set(nameOf(curveKey), { curveKey, session, expiresAt });
    session.curveKeys.push(curveKey);
  }

  /** Accepts a key no more. */
  remove(curveKey: Uint8Array): void {
    const name = nameOf(curveKey);
    const accepted = this.byKey.get(name);
    if (accepted === undefined) return;
    this.byKey.delete(name);
    accepted.session.curveKeys = accepted.session.curveKeys.filter((key) => !key.equals(curveKey));
  }

  /** Whether a key is valid at `now` (milliseconds). */
  has(curveKey: Uint8Array, now: number): boolean {
    const accepted = this.byKey.get(nameOf(curveKey));
    return accepted !== undefined && this.endOf(accepted) > now;
  }

  /** The keys of a node, oldest first, that must make room for another key. */
  surplusOf(session: NodeSession, newKey: Buffer): Buffer[] {
    const others = session.curveKeys.filter((key) => !key.equals(newKey));
    return others.slice(0, Math.max(0, others.length + 1 - MAX_KEYS_PER_NODE));
  }

  /** Forgets what is not valid any more at `now`. */
  sweep(now: number): void {
    for (const accepted of [...this.byKey.values()]) {
      if (this.endOf(accepted) <= now) this.remove(accepted.curveKey);
    }
  }

  /** The keys that messages have made valid for clearly longer than is stored, and until when (milliseconds). */
  extended(): { key: AcceptedCurveKey; until: number }[] {
    return [...this.byKey.values()]
      .map((key) => ({ key, until: this.endOf(key) }))
      .filter(({ key, until }) => until - key.expiresAt >= this.validityMs() / 4);
  }

  private endOf({ curveKey, session, expiresAt }: AcceptedCurveKey): number {
    const isNewest = session.curveKeys.at(-1)?.equals(curveKey) === true;
    return isNewest ? Math.max(expiresAt, session.heardAt + this.validityMs()) : expiresAt;
  }
}

const nameOf = (curveKey: Uint8Array): string => Buffer.from(curveKey).toString('base64');
