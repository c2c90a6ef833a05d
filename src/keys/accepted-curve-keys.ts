import type { NamedCurveKey, NodeSession } from './node-session.js';

/** A client names one key for the life of its process; a node that keeps naming others loses its oldest. */
const MAX_KEYS_PER_NODE = 8;

/**
 * The Curve keys that may connect, each for every node that named it: whoever names a key that is another node's takes
 * nothing from that. A key is valid for a while after its node last named it; the newest key of a node also for as long
 * after a message from that node, since a node that is busy names its key to nobody for days.
 */
export class AcceptedCurveKeys {
  private readonly byKey = new Map<string, NamedCurveKey[]>();

  constructor(private readonly validityMs: () => number) {}

  /** Accepts a key, which becomes the newest of its node. */
  add(curveKey: Buffer, session: NodeSession, expiresAt: number): void {
    const before = session.curveKeys.find((named) => named.curveKey.equals(curveKey));
    if (before !== undefined) this.remove(before);
    const named = { curveKey, session, expiresAt };
    this.byKey.set(nameOf(curveKey), [...this.namedAs(curveKey), named]);
    session.curveKeys = [...session.curveKeys, named];
  }

  /** Accepts a key no more for the sake of this node. */
  remove(named: NamedCurveKey): void {
    const { curveKey, session } = named;
    session.curveKeys = session.curveKeys.filter((other) => other !== named);
    const others = this.namedAs(curveKey).filter((other) => other !== named);
    if (others.length > 0) this.byKey.set(nameOf(curveKey), others);
    else this.byKey.delete(nameOf(curveKey));
  }

  /** Whether a key is valid at `now` (milliseconds). */
  has(curveKey: Uint8Array, now: number): boolean {
    return this.namedAs(curveKey).some((named) => this.endOf(named) > now);
  }

  /** The keys of a node, oldest first, that must make room for another key. */
  surplusOf(session: NodeSession, newKey: Buffer): NamedCurveKey[] {
    const others = session.curveKeys.filter(({ curveKey }) => !curveKey.equals(newKey));
    return others.slice(0, Math.max(0, others.length + 1 - MAX_KEYS_PER_NODE));
  }

  /** Forgets what is not valid any more at `now`. */
  sweep(now: number): void {
    for (const named of this.all()) if (this.endOf(named) <= now) this.remove(named);
  }

  /** The keys that messages have made valid for clearly longer than is stored, and until when (milliseconds). */
  extended(): { key: NamedCurveKey; until: number }[] {
    return this.all()
      .map((key) => ({ key, until: this.endOf(key) }))
      .filter(({ key, until }) => until - key.expiresAt >= this.validityMs() / 4);
  }

  private all(): NamedCurveKey[] {
    return [...this.byKey.values()].flat();
  }

  private namedAs(curveKey: Uint8Array): readonly NamedCurveKey[] {
    return this.byKey.get(nameOf(curveKey)) ?? [];
  }

  private endOf(named: NamedCurveKey): number {
    const { session, expiresAt } = named;
    const isNewest = session.curveKeys.at(-1) === named;
    return isNewest ? Math.max(expiresAt, session.heardAt + this.validityMs()) : expiresAt;
  }
}

const nameOf = (curveKey: Uint8Array): string => Buffer.from(curveKey).toString('base64');
