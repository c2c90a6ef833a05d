import type {
  Admission,
  CurveKeyOfNode,
  SessionStore,
  StoredCurveKey,
  StoredSession,
} from '../../src/server/keys/session-store.js';
import { type NodeAddress, nodeKeyOf } from '../../src/shared/protocol/node-address.js';

/** A test double of the session store that keeps its rows in memory and can fail like a database. */
export class MemorySessionStore implements SessionStore {
  readonly sessions = new Map<string, StoredSession>();
  readonly curveKeys = new Map<string, StoredCurveKey>();
  /** While this is set, every method rejects with it. */
  failure: Error | undefined;

  load(): Promise<{ sessions: StoredSession[]; curveKeys: StoredCurveKey[] }> {
    return this.failOr(() => {
      const withKey = new Set(Array.from(this.curveKeys.values(), nodeKeyOf));
      for (const [name, session] of this.sessions) {
        if (!withKey.has(nodeKeyOf(session))) this.sessions.delete(name);
      }
      return this.allRows();
    });
  }

  remove(node: NodeAddress): Promise<void> {
    return this.failOr(() => void this.sessions.delete(nodeKeyOf(node)));
  }

  private allRows(): { sessions: StoredSession[]; curveKeys: StoredCurveKey[] } {
    return {
      sessions: [...this.sessions.values()],
      curveKeys: [...this.curveKeys.values()].sort((one, other) => one.expiresAt - other.expiresAt),
    };
  }

  save({ session, curveKey, evictedKeys, replacedOrg }: Admission): Promise<void> {
    return this.failOr(() => {
      for (const [name, { orgId }] of this.sessions) if (orgId === replacedOrg) this.sessions.delete(name);
      for (const [name, { orgId }] of this.curveKeys) if (orgId === replacedOrg) this.curveKeys.delete(name);
      if (session !== undefined) this.sessions.set(nodeKeyOf(session), session);
      this.curveKeys.set(nameOf(curveKey), curveKey);
      for (const key of evictedKeys) this.curveKeys.delete(nameOf({ ...curveKey, curveKey: key }));
    });
  }

  removeExpired(then: number, kept: readonly NodeAddress[]): Promise<void> {
    const keptNodes = kept.map(nodeKeyOf);
    return this.failOr(() => {
      for (const [name, key] of this.curveKeys) {
        if (key.expiresAt <= then && !keptNodes.includes(nodeKeyOf(key))) this.curveKeys.delete(name);
      }
    });
  }

  private async failOr<T>(action: () => T): Promise<T> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    return action();
  }
}

const nameOf = (key: CurveKeyOfNode): string => `${nodeKeyOf(key)} ${key.curveKey.toString('hex')}`;
