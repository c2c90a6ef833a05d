import { createHash, type KeyObject, randomBytes } from 'node:crypto';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/server-config.js';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import type { Clock } from '../../shared/lib/clock.js';
import { decodeCurveKey } from '../../shared/protocol/curve-key.js';
import { nodeKeyOf, type NodeAddress } from '../../shared/protocol/node-address.js';
import { SESSION_KEY_BYTES } from '../../shared/protocol/session-key.js';
import { AcceptedCurveKeys } from './accepted-curve-keys.js';
import type { Session, Sessions } from './keys.port.js';
import { type RegisteredCurveKey, NodeSession } from './node-session.js';
import type { SessionSeal } from './session-seal.js';
import type { SessionStore } from './session-store.js';
import { KeyedMutex } from '../../shared/lib/keyed-mutex.js';

/** How often expired keys and sessions are removed, in milliseconds. */
const SWEEP_INTERVAL_MS = 60_000;

/** Minimum time that a Curve key stays valid beyond one `config_lifetime`, in seconds. */
const MIN_MARGIN_S = 60;

/** How long a node that was busy when its session expired has to fetch its config, in milliseconds. */
const AFTER_JOB_MS = 60_000;

/** How long expired keys are kept, in milliseconds: the server's clock may be wrong for some hours. */
const RETENTION_MS = 24 * 3_600_000;

/** The sessions of one organization, by node name. */
interface OrgSessions {
  readonly orgId: string;
  readonly nodes: Map<string, NodeSession>;
}

/** Dependencies of the registry. */
export interface SessionRegistryOptions {
  readonly store: SessionStore;
  readonly seal: SessionSeal;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The current settings; an idle node fetches its config once per `config_lifetime` (seconds). */
  readonly config: Pick<ServerConfig, 'config_lifetime' | 'heartbeat_interval'>;
}

/**
 * Keeps the sessions in memory, because every message needs a lookup, and in a store, because they must survive a
 * restart. A change is stored first and applied in memory after that, so a change that could not be stored has no effect.
 *
 * A session and its Curve key are valid for twice `config_lifetime`, or for `config_lifetime` and a minute if that is
 * longer: nodes fetch their config once per lifetime and may be late. A node that Chef Server no longer knows gets no new
 * config, so its messages are rejected after that time.
 */
export class SessionRegistry implements Sessions, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly orgs = new Map<string, OrgSessions>();
  private readonly mutex = new KeyedMutex();
  private readonly accepted = new AcceptedCurveKeys((node) => this.isBusy(node));
  private isBusy: (node: NodeAddress) => boolean = () => false;
  private sweepTimer: NodeJS.Timeout | undefined;
  private shortestInterval = Infinity;
  private evictionListener: (session: Session) => void = () => undefined;

  constructor(private readonly options: SessionRegistryOptions) {}

  /** Loads the stored sessions. Rejects if the database fails. */
  async start(): Promise<void> {
    const { store, seal, config, logger } = this.options;
    const { sessions, curveKeys } = await store.load();
    const byNode = new Map<string, NodeSession>();
    for (const { orgId, node, orgName, sealedKey, keyFingerprint } of sessions) {
      const key = seal.open({ orgId, node }, sealedKey);
      if (key === undefined) continue;
      const session = new NodeSession({ orgId, node }, orgName, key, keyFingerprint);
      this.insert(session);
      byNode.set(nodeKeyOf(session.address), session);
    }
    for (const {
      curveKey,
      expiresAt,
      heartbeatInterval = config.heartbeat_interval,
      ...address
    } of curveKeys) {
      const session = byNode.get(nodeKeyOf(address));
      if (session !== undefined) this.accepted.add({ curveKey, session, expiresAt, heartbeatInterval });
    }
    this.updateHeartbeatIntervals(() => true); // which nodes are busy is not known yet
    const unopened = sessions.length - byNode.size;
    if (unopened > 0) {
      logger.warn(
        { sessions: unopened },
        'sessions were not sealed with the secret session_seal_key; their nodes must fetch their config again',
      );
    }
  }

  /** Starts the sweeps, not earlier, because only now it is known which nodes are busy. */
  onApplicationBootstrap(): void {
    this.sweepTimer = setInterval(() => void this.sweep(), SWEEP_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.sweepTimer);
  }

  async admit(
    node: NodeAddress & { readonly orgName: string },
    curveKey: string,
    verifiedBy: KeyObject,
  ): Promise<Session> {
    const rawKey = decodeCurveKey(curveKey);
    if (rawKey === undefined) {
      throw new AppError(
        'curve_key_invalid',
        `'${curveKey}' is not a Curve public key in Z85 (40 characters)`,
      );
    }
    return this.mutex.run(nodeKeyOf(node), () => this.admitLocked(node, rawKey, fingerprintOf(verifiedBy)));
  }

  find(orgName: string, node: string): Session | undefined {
    return this.orgs.get(orgName)?.nodes.get(node);
  }

  shortestHeartbeatInterval(): number {
    return Math.min(this.shortestInterval, this.options.config.heartbeat_interval);
  }

  count(): number {
    const now = this.options.clock.now();
    return this.sessions().filter(({ validUntil }) => validUntil > now).length;
  }

  acceptsCurveKey(curveKey: Uint8Array): boolean {
    return this.accepted.has(curveKey, this.options.clock.now());
  }

  registerBusyCheck(isBusy: (node: NodeAddress) => boolean): void {
    this.isBusy = isBusy;
  }

  onEvicted(listener: (session: Session) => void): void {
    this.evictionListener = listener;
  }

  acceptsMessagesOf(session: Session): boolean {
    const now = this.options.clock.now();
    if (session.validUntil > now) return true;
    if (!(session instanceof NodeSession)) return false;
    if (this.isBusy(session.address)) session.messagesUntil = now + AFTER_JOB_MS;
    return session.messagesUntil > now;
  }

  /** Removes keys that expired long ago, and the sessions that have no keys then. */
  async sweep(): Promise<void> {
    const { store, clock, logger } = this.options;
    try {
      const now = clock.now();
      const then = now - RETENTION_MS;
      this.updateHeartbeatIntervals((registered) => this.accepted.isValid(registered, now));
      await store.removeExpired(then, this.accepted.sweep(then));
      for (const session of this.sessions()) if (session.curveKeys.length === 0) await this.evict(session);
    } catch (thrown) {
      logger.warn({ reason: messageOf(thrown) }, 'cannot remove expired sessions; trying again in a minute');
    }
  }

  private async admitLocked(
    { orgId, node, orgName }: NodeAddress & { readonly orgName: string },
    curveKey: Buffer,
    keyFingerprint: string,
  ): Promise<Session> {
    const { store, seal, clock, config } = this.options;
    const org = this.orgs.get(orgName);
    const known = org?.orgId === orgId ? org.nodes.get(node) : undefined;
    const isVerifiedAsBefore = known?.keyFingerprint === keyFingerprint;
    const session = known ?? new NodeSession({ orgId, node }, orgName, Buffer.alloc(0), keyFingerprint);
    const key = isVerifiedAsBefore ? known.key : randomBytes(SESSION_KEY_BYTES);
    const expiresAt = clock.now() + this.validityMs;
    const heartbeatInterval = config.heartbeat_interval;
    const evicted = this.accepted.keysToEvict(session, curveKey);

    await store.save({
      session: isVerifiedAsBefore
        ? undefined
        : { orgId, node, orgName, sealedKey: seal.seal({ orgId, node }, key), keyFingerprint },
      curveKey: { curveKey, orgId, node, expiresAt, heartbeatInterval },
      evictedKeys: evicted.map((registered) => registered.curveKey),
      replacedOrg: org !== undefined && org.orgId !== orgId ? org.orgId : undefined,
    });

    session.key = key;
    session.keyFingerprint = keyFingerprint;
    this.insert(session);
    for (const registered of evicted) this.accepted.remove(registered);
    this.accepted.add({ curveKey, session, expiresAt, heartbeatInterval });
    return session;
  }

  private get validityMs(): number {
    const lifetime = this.options.config.config_lifetime;
    return (lifetime + Math.max(lifetime, MIN_MARGIN_S)) * 1000;
  }

  /** Recomputes which heartbeat intervals clients may use: those they got when they registered keys that are valid. */
  private updateHeartbeatIntervals(isValid: (registered: RegisteredCurveKey) => boolean): void {
    this.shortestInterval = Infinity;
    for (const session of this.sessions()) {
      const intervals = session.curveKeys.filter(isValid).map(({ heartbeatInterval }) => heartbeatInterval);
      if (intervals.length === 0) continue;
      session.heartbeatInterval = Math.max(...intervals);
      this.shortestInterval = Math.min(this.shortestInterval, ...intervals);
    }
  }

  private sessions(): NodeSession[] {
    return Array.from(this.orgs.values(), ({ nodes }) => [...nodes.values()]).flat();
  }

  /** Evicts a session, unless its node was admitted again while this waited for the mutex. */
  private evict(session: NodeSession): Promise<void> {
    const { address, orgName } = session;
    return this.mutex.run(nodeKeyOf(address), async () => {
      if (session.curveKeys.length > 0 || this.find(orgName, address.node) !== session) return;
      await this.options.store.remove(address);
      const org = this.orgs.get(orgName);
      org?.nodes.delete(address.node);
      if (org?.nodes.size === 0) this.orgs.delete(orgName);
      this.evictionListener(session);
    });
  }

  /** Inserts a session; replaces the organization and all its sessions if the name now belongs to another guid. */
  private insert(session: NodeSession): void {
    const { orgId, node } = session.address;
    let org = this.orgs.get(session.orgName);
    if (org?.orgId !== orgId) {
      for (const removed of org?.nodes.values() ?? []) {
        for (const registered of removed.curveKeys) this.accepted.remove(registered);
      }
      org = { orgId, nodes: new Map() };
      this.orgs.set(session.orgName, org);
    }
    org.nodes.set(node, session);
  }
}

/** Identifies an RSA key: base64 of the SHA-256 of its public half. */
const fingerprintOf = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
