import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { NamedCurveKey, NodeSession } from './node-session.js';

/** A client names one key for the life of its process, but each run of its doctor names another. */
const MAX_KEYS_PER_NODE = 8;

/**
 * The Curve keys that may connect, each for every node that named it: whoever names a key that is another node's takes
 * nothing from that. A key is valid for a while after its node last named it, and while that node is busy: then it
 * names its key to nobody, perhaps for days.
 */
export class AcceptedCurveKeys {
  private readonly byKey = new Map<string, NamedCurveKey[]>();

  constructor(private readonly isBusy: (node: NodeAddress) => boolean) {}

  /** Accepts a key, which becomes the newest of its node. */
  add(named: NamedCurveKey): void {
    const { curveKey, session, expiresAt, heartbeatInterval } = named;
    const before = session.curveKeys.find((other) => other.curveKey.equals(curveKey));
    if (before !== undefined) this.remove(before);
    this.byKey.set(nameOf(curveKey), [...this.namedAs(curveKey), named]);
    session.curveKeys = [...session.curveKeys, named];
    session.validUntil = Math.max(session.validUntil, expiresAt);
    session.heartbeatInterval = Math.max(session.heartbeatInterval, heartbeatInterval);
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
    return this.namedAs(curveKey).some((named) => this.isValid(named, now));
  }

  /** Whether a key that a node named lets it connect at `now` (milliseconds). */
  isValid({ expiresAt, session }: NamedCurveKey, now: number): boolean {
    return expiresAt > now || this.isBusy(session.address);
  }

  /**
   * The keys of a node that must make room for another key: the oldest; but while the node is busy the newest, since the
   * one that it got its work by was there before.
   */
  surplusOf(session: NodeSession, newKey: Buffer): NamedCurveKey[] {
    const others = session.curveKeys.filter(({ curveKey }) => !curveKey.equals(newKey));
    const surplus = Math.max(0, others.length + 1 - MAX_KEYS_PER_NODE);
    return this.isBusy(session.address) ? others.slice(others.length - surplus) : others.slice(0, surplus);
  }

  /**
   * Forgets the keys that expired before `then` (milliseconds), but not those of nodes that are busy: hands back the
   * addresses of these.
   */
  sweep(then: number): NodeAddress[] {
    const expired = [...this.byKey.values()].flat().filter(({ expiresAt }) => expiresAt <= then);
    const busy = new Set(expired.map(({ session }) => session.address).filter(this.isBusy));
    for (const named of expired) if (!busy.has(named.session.address)) this.remove(named);
    return [...busy];
  }

  private namedAs(curveKey: Uint8Array): readonly NamedCurveKey[] {
    return this.byKey.get(nameOf(curveKey)) ?? [];
  }
}

const nameOf = (curveKey: Uint8Array): string => Buffer.from(curveKey).toString('base64');
