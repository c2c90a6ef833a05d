import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { RegisteredCurveKey, NodeSession } from './node-session.js';

/** A client uses one key per process, and each run of its doctor uses another. */
const MAX_KEYS_PER_NODE = 8;

/**
 * The Curve keys that may connect, each with every node that registered it: registering another node's key takes no
 * access from that node. A key stays valid until it expires, and as long as its node is busy, because a busy node does
 * not fetch its config.
 */
export class AcceptedCurveKeys {
  private readonly registrations = new Map<string, RegisteredCurveKey[]>();

  constructor(private readonly isBusy: (node: NodeAddress) => boolean) {}

  /** Registers a key as the newest of its node. */
  add(registered: RegisteredCurveKey): void {
    const { curveKey, session, expiresAt, heartbeatInterval } = registered;
    const before = session.curveKeys.find((other) => other.curveKey.equals(curveKey));
    if (before !== undefined) this.remove(before);
    this.registrations.set(mapKeyOf(curveKey), [...this.registrationsOf(curveKey), registered]);
    session.curveKeys = [...session.curveKeys, registered];
    session.validUntil = Math.max(session.validUntil, expiresAt);
    session.heartbeatInterval = Math.max(session.heartbeatInterval, heartbeatInterval);
  }

  /** Removes a key from its node; other nodes that registered it keep it. */
  remove(registered: RegisteredCurveKey): void {
    const { curveKey, session } = registered;
    session.curveKeys = session.curveKeys.filter((other) => other !== registered);
    const others = this.registrationsOf(curveKey).filter((other) => other !== registered);
    if (others.length > 0) this.registrations.set(mapKeyOf(curveKey), others);
    else this.registrations.delete(mapKeyOf(curveKey));
  }

  /** Returns whether a key is valid at `now` (milliseconds). */
  has(curveKey: Uint8Array, now: number): boolean {
    return this.registrationsOf(curveKey).some((registered) => this.isValid(registered, now));
  }

  /** Returns whether a registered key is valid for its node at `now` (milliseconds). */
  isValid({ expiresAt, session }: RegisteredCurveKey, now: number): boolean {
    return expiresAt > now || this.isBusy(session.address);
  }

  /**
   * Returns the keys of a node to remove before a new one is added: the oldest. While the node is busy it returns the
   * newest instead, because the key with which the node got its job is an older one.
   */
  keysToEvict(session: NodeSession, newKey: Buffer): RegisteredCurveKey[] {
    const others = session.curveKeys.filter(({ curveKey }) => !curveKey.equals(newKey));
    const surplus = Math.max(0, others.length + 1 - MAX_KEYS_PER_NODE);
    return this.isBusy(session.address) ? others.slice(others.length - surplus) : others.slice(0, surplus);
  }

  /** Removes keys that expired by `then` (milliseconds) unless their node is busy; returns these busy nodes. */
  sweep(then: number): NodeAddress[] {
    const expired = [...this.registrations.values()].flat().filter(({ expiresAt }) => expiresAt <= then);
    const busy = new Set(expired.map(({ session }) => session.address).filter(this.isBusy));
    for (const registered of expired) if (!busy.has(registered.session.address)) this.remove(registered);
    return [...busy];
  }

  private registrationsOf(curveKey: Uint8Array): readonly RegisteredCurveKey[] {
    return this.registrations.get(mapKeyOf(curveKey)) ?? [];
  }
}

const mapKeyOf = (curveKey: Uint8Array): string => Buffer.from(curveKey).toString('base64');
