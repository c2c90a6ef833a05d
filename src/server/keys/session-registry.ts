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
import { type NamedCurveKey, NodeSession } from './node-session.js';
import type { SessionSeal } from './session-seal.js';
import type { SessionStore } from './session-store.js';
import { Turns } from '../../shared/lib/keyed-mutex.js';

/** How often what has expired is looked for, in milliseconds. */
const SWEEP_INTERVAL_MS = 60_000;

/** The least time that a Curve key stays valid beyond the lifetime of a config, in seconds. */
const LEAST_MARGIN_S = 60;

/** How long a node that was busy when its time was over has to fetch its config, in milliseconds. */
const GRACE_MS = 60_000;

/** What has expired is kept for so long (ms): a server's clock may be wrong for some hours, and right again. */
const KEPT_MS = 24 * 3_600_000;

/** The nodes of one organization, by name. */
interface OrgSessions {
  readonly orgId: string;
  readonly nodes: Map<string, NodeSession>;
}

/** What the registry works with. */
export interface SessionRegistryOptions {
  readonly store: SessionStore;
  readonly seal: SessionSeal;
  readonly clock: Clock;
  readonly logger: Logger;
  /** As they are at each time: `config_lifetime` (s) is when an idle node fetches its config again. */
  readonly config: Pick<ServerConfig, 'config_lifetime' | 'heartbeat_interval'>;
}

/**
 * Keeps the sessions in memory, where every message looks them up, and what must outlive a restart in its store. A
 * change is made in the store first and in memory when it stands there; so what failed to be stored never happened.
 *
 * A session and the Curve key that was named for it are valid for twice the lifetime of a config, at least that lifetime
 * and a minute: nodes fetch theirs again once in a lifetime, and may be late with it. One that the Chef Server does not
 * know any more gets none, and so it is not listened to when that time is over.
 */
export class SessionRegistry implements Sessions, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly orgs = new Map<string, OrgSessions>();
  private readonly turns = new Turns();
  private readonly accepted = new AcceptedCurveKeys((node) => this.isBusy(node));
  private isBusy: (node: NodeAddress) => boolean = () => false;
  private sweeping: NodeJS.Timeout | undefined;
  private shortest = Infinity;
  private forgotten: (session: Session) => void = () => undefined;

  constructor(private readonly options: SessionRegistryOptions) {}

  /** Loads what was kept. Rejects where the database fails. */
  async start(): Promise<void> {
    const { store, seal, config, logger } = this.options;
    const { sessions, curveKeys } = await store.load();
    const byNode = new Map<string, NodeSession>();
    for (const { orgId, node, orgName, sealedKey, keyFingerprint } of sessions) {
      const key = seal.open({ orgId, node }, sealedKey);
      if (key === undefined) continue;
      const session = new NodeSession({ orgId, node }, orgName, key, keyFingerprint);
      this.place(session);
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
    this.lookAtIntervals(() => true); // nobody knows yet who is busy
    const unopened = sessions.length - byNode.size;
    if (unopened > 0) {
      logger.warn(
        { sessions: unopened },
        'sessions were not sealed with the secret session_seal_key; their nodes must fetch their config again',
      );
    }
  }

  /** Begins to sweep: not before it is known which nodes are busy. */
  onApplicationBootstrap(): void {
    this.sweeping = setInterval(() => void this.sweep(), SWEEP_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.sweeping);
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
    return this.turns.take(nodeKeyOf(node), () => this.admitNow(node, rawKey, fingerprintOf(verifiedBy)));
  }

  find(orgName: string, node: string): Session | undefined {
    return this.orgs.get(orgName)?.nodes.get(node);
  }

  shortestInterval(): number {
    return Math.min(this.shortest, this.options.config.heartbeat_interval);
  }

  count(): number {
    const now = this.options.clock.now();
    return this.sessions().filter(({ validUntil }) => validUntil > now).length;
  }

  accepts(curveKey: Uint8Array): boolean {
    return this.accepted.has(curveKey, this.options.clock.now());
  }

  keepWhile(isBusy: (node: NodeAddress) => boolean): void {
    this.isBusy = isBusy;
  }

  whenForgotten(told: (session: Session) => void): void {
    this.forgotten = told;
  }

  listensTo(session: Session): boolean {
    const now = this.options.clock.now();
    if (session.validUntil > now) return true;
    if (!(session instanceof NodeSession)) return false;
    if (this.isBusy(session.address)) session.graceUntil = now + GRACE_MS;
    return session.graceUntil > now;
  }

  /** Forgets what expired long ago. */
  async sweep(): Promise<void> {
    const { store, clock, logger } = this.options;
    try {
      const now = clock.now();
      const then = now - KEPT_MS;
      this.lookAtIntervals((named) => this.accepted.isValid(named, now));
      await store.removeExpired(then, this.accepted.sweep(then));
      for (const session of this.sessions()) if (session.curveKeys.length === 0) await this.forget(session);
    } catch (thrown) {
      logger.warn({ reason: messageOf(thrown) }, 'what has expired could not be removed; trying again soon');
    }
  }

  private async admitNow(
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
    const forgottenKeys = this.accepted.surplusOf(session, curveKey);

    await store.save({
      session: isVerifiedAsBefore
        ? undefined
        : { orgId, node, orgName, sealedKey: seal.seal({ orgId, node }, key), keyFingerprint },
      curveKey: { curveKey, orgId, node, expiresAt, heartbeatInterval },
      forgottenKeys: forgottenKeys.map(({ curveKey: forgotten }) => forgotten),
      replacedOrg: org !== undefined && org.orgId !== orgId ? org.orgId : undefined,
    });

    session.key = key;
    session.keyFingerprint = keyFingerprint;
    this.place(session);
    for (const forgotten of forgottenKeys) this.accepted.remove(forgotten);
    this.accepted.add({ curveKey, session, expiresAt, heartbeatInterval });
    return session;
  }

  private get validityMs(): number {
    const lifetime = this.options.config.config_lifetime;
    return (lifetime + Math.max(lifetime, LEAST_MARGIN_S)) * 1000;
  }

  /** Finds out anew which intervals clients may go by: those that they were told when they named a key that is valid. */
  private lookAtIntervals(isValid: (named: NamedCurveKey) => boolean): void {
    this.shortest = Infinity;
    for (const session of this.sessions()) {
      const intervals = session.curveKeys.filter(isValid).map((named) => named.heartbeatInterval);
      if (intervals.length === 0) continue;
      session.heartbeatInterval = Math.max(...intervals);
      this.shortest = Math.min(this.shortest, ...intervals);
    }
  }

  private sessions(): NodeSession[] {
    return Array.from(this.orgs.values(), ({ nodes }) => [...nodes.values()]).flat();
  }

  /** Forgets a session, unless its node was admitted again while this waited for its turn. */
  private forget(session: NodeSession): Promise<void> {
    const { address, orgName } = session;
    return this.turns.take(nodeKeyOf(address), async () => {
      if (session.curveKeys.length > 0 || this.find(orgName, address.node) !== session) return;
      await this.options.store.forget(address);
      const org = this.orgs.get(orgName);
      org?.nodes.delete(address.node);
      if (org?.nodes.size === 0) this.orgs.delete(orgName);
      this.forgotten(session);
    });
  }

  /** Puts a session where it is found; an organization that had this name under another guid goes, with its nodes. */
  private place(session: NodeSession): void {
    const { orgId, node } = session.address;
    let org = this.orgs.get(session.orgName);
    if (org?.orgId !== orgId) {
      for (const gone of org?.nodes.values() ?? []) {
        for (const named of gone.curveKeys) this.accepted.remove(named);
      }
      org = { orgId, nodes: new Map() };
      this.orgs.set(session.orgName, org);
    }
    org.nodes.set(node, session);
  }
}

/** Says which RSA key this is: base64 of the SHA-256 of its public form. */
const fingerprintOf = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
