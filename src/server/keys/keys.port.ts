import type { KeyObject } from 'node:crypto';
import type { CurveKeyPair } from '../../shared/protocol/curve-key.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';

/** An RSA key and a Curve key by which nodes recognize the server. */
export interface KeySet {
  readonly rsaPrivateKey: KeyObject;
  /** SubjectPublicKeyInfo PEM. */
  readonly rsaPublicKeyPem: string;
  readonly curve: CurveKeyPair;
  /** A UUID derived from the public keys, so it changes only with them. */
  readonly incarnationId: string;
}

/** The keys before the last rotation; nodes that have not fetched their config since then still use them. */
export interface PreviousKeys extends KeySet {
  /** Milliseconds since 1970. */
  readonly rotatedAt: number;
  /** End of the grace period, in milliseconds since 1970. */
  readonly validUntil: number;
}

/** The server's keys. They change only when an administrator rotates them. */
export abstract class ServerKeys implements KeySet {
  abstract readonly rsaPrivateKey: KeyObject;
  abstract readonly rsaPublicKeyPem: string;
  abstract readonly curve: CurveKeyPair;
  abstract readonly incarnationId: string;
  /** Undefined if there are none, or if their grace period was over when the server started. */
  abstract readonly previous: PreviousKeys | undefined;
}

/** The session of one node. A node's object stays the same; its key may be replaced. */
export interface Session {
  readonly address: NodeAddress;
  readonly orgName: string;
  /** The session key: 32 bytes, signs messages in both directions. */
  readonly key: Buffer;
  /** Twice `config_lifetime` after the node's last config fetch, in milliseconds since 1970. It gets no jobs after that. */
  readonly validUntil: number;
  /** The longest heartbeat interval that a client of this node may use, in milliseconds. */
  readonly heartbeatInterval: number;
}

/** Sessions and accepted Curve keys. Both are stored in the database, so they survive a restart. */
export abstract class Sessions {
  /**
   * Admits a node whose config request was verified, and resolves when that is stored. The node's Curve key (Z85) is
   * accepted from now on. The node keeps its session key; it gets a new one if it is new or if another RSA key than
   * before verified its request.
   */
  abstract admit(
    node: NodeAddress & { readonly orgName: string },
    curveKey: string,
    verifiedBy: KeyObject,
  ): Promise<Session>;
  /** Returns the session of a node by the names in its messages. */
  abstract find(orgName: string, node: string): Session | undefined;
  /**
   * Returns the shortest heartbeat interval that any client may use, in milliseconds. A client uses the interval of its
   * last config fetch, so clients with an earlier setting count too.
   */
  abstract shortestHeartbeatInterval(): number;
  /** Returns how many nodes have a valid session; that many may connect. */
  abstract count(): number;
  /** Returns whether an admitted node registered this Curve public key (32 raw bytes) and it is still valid. */
  abstract acceptsCurveKey(curveKey: Uint8Array): boolean;
  /**
   * Registers the check whether a node takes part in a live job. A node does not fetch its config during a job, which
   * may last for days, so its session and Curve key stay valid until the job ends.
   */
  abstract registerBusyCheck(isBusy: (node: NodeAddress) => boolean): void;
  /** Registers a listener for sessions that are evicted long after they expired. */
  abstract onEvicted(listener: (session: Session) => void): void;
  /**
   * Returns whether messages of this session are accepted: while it is valid, while its node takes part in a live job,
   * and for a minute after the job, in which the node can fetch its config.
   */
  abstract acceptsMessagesOf(session: Session): boolean;
}
