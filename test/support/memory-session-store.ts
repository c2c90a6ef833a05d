import type {
  Admission,
  CurveKeyOfNode,
  SessionStore,
  StoredCurveKey,
  StoredSession,
} from '../../src/server/keys/session-store.js';
import { type NodeAddress, nodeKeyOf } from '../../src/shared/protocol/node-address.js';

/** A double of the session store that keeps its rows in memory; it can be told to fail as a database does. */
export class MemorySessionStore implements SessionStore {
  readonly sessions = new Map<string, StoredSession>();
  readonly curveKeys = new Map<string, StoredCurveKey>();
  /** While set, every method rejects with it. */
  failure: Error | undefined;

  load(): Promise<{ sessions: StoredSession[]; curveKeys: StoredCurveKey[] }> {
    return this.answer(() => {
      const withKey = new Set(Array.from(this.curveKeys.values(), nodeKeyOf));
      for (const [name, session] of this.sessions) {
        if (!withKey.has(nodeKeyOf(session))) this.sessions.delete(name);
      }
      return this.everything();
    });
  }

  forget(node: NodeAddress): Promise<void> {
    return this.answer(() => void this.sessions.delete(nodeKeyOf(node)));
  }

  private everything(): { sessions: StoredSession[]; curveKeys: StoredCurveKey[] } {
    return {
      sessions: [...this.sessions.values()],
      curveKeys: [...this.curveKeys.values()].sort((one, other) => one.expiresAt - other.expiresAt),
    };
  }

  save({ session, curveKey, forgottenKeys, replacedOrg }: Admission): Promise<void> {
    return this.answer(() => {
      for (const [name, { orgId }] of this.sessions) if (orgId === replacedOrg) this.sessions.delete(name);
      for (const [name, { orgId }] of this.curveKeys) if (orgId === replacedOrg) this.curveKeys.delete(name);
      if (session !== undefined) this.sessions.set(nodeKeyOf(session), session);
      this.curveKeys.set(nameOf(curveKey), curveKey);
      for (const key of forgottenKeys) this.curveKeys.delete(nameOf({ ...curveKey, curveKey: key }));
    });
  }

  removeExpired(then: number, kept: readonly NodeAddress[]): Promise<void> {
    const names = kept.map(nodeKeyOf);
    return this.answer(() => {
      for (const [name, key] of this.curveKeys) {
        if (key.expiresAt <= then && !names.includes(nodeKeyOf(key))) this.curveKeys.delete(name);
      }
    });
  }

  private async answer<T>(make: () => T): Promise<T> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    return make();
  }
}

const nameOf = (key: CurveKeyOfNode): string => `${nodeKeyOf(key)} ${key.curveKey.toString('hex')}`;
