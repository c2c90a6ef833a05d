import type { KeyObject } from 'node:crypto';
import type { CurveKeyPair } from '../../shared/protocol/curve-key.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';

/** Under this token the server's own keys are injected. */
export const SERVER_KEYS = Symbol('SERVER_KEYS');

/** A set of keys that a server is known by. */
export interface KeySet {
  readonly rsaPrivateKey: KeyObject;
  /** SubjectPublicKeyInfo PEM. */
  readonly rsaPublicKeyPem: string;
  readonly curve: CurveKeyPair;
  /** A UUID that is made from the public keys, so it stays as long as they do. */
  readonly incarnationId: string;
}

/** The keys before the last rotation: nodes that have not fetched their config since know the server by them. */
export interface PreviousKeys extends KeySet {
  /** When they were replaced and until when they count; milliseconds since 1970. */
  readonly rotatedAt: number;
  readonly validUntil: number;
}

/** The keys that the server is known by. They change only when an administrator rotates them. */
export interface ServerKeys extends KeySet {
  /** Undefined where there are none, or none that counted at the start. */
  readonly previous: PreviousKeys | undefined;
}

/** What the server and one node share. The object stays the same for a node; its key may be replaced. */
export interface Session {
  readonly address: NodeAddress;
  readonly orgName: string;
  /** 32 bytes: signs what goes between the two. */
  readonly key: Buffer;
  /** Twice `config_lifetime` after the node last fetched its config, milliseconds since 1970: it takes jobs until then. */
  readonly validUntil: number;
  /** The longest interval between heartbeats that a client of this node may go by, in milliseconds. */
  readonly heartbeatInterval: number;
}

/** Under this token the session keys are injected. */
export const SESSIONS = Symbol('SESSIONS');

/** Session keys and accepted Curve keys; kept in the database, so both survive a restart. */
export interface Sessions {
  /**
   * Admits a node whose config request was verified: its Curve key (Z85) is accepted from now on, and it gets the
   * session key that it had, or a new one where it is new or another RSA key than before verified it. Resolves when
   * that is stored.
   */
  admit(
    node: NodeAddress & { readonly orgName: string },
    curveKey: string,
    verifiedBy: KeyObject,
  ): Promise<Session>;
  /** The session of a node by the names that its messages carry. */
  find(orgName: string, node: string): Session | undefined;
  /**
   * The shortest interval between heartbeats that any client may go by, in milliseconds: clients were told the setting
   * of the time when they fetched their config, and go by that until they fetch it again.
   */
  shortestInterval(): number;
  /** How many nodes have a valid session: so many may connect. */
  count(): number;
  /** Whether a Curve public key (32 raw bytes) was named by an admitted node and is still valid. */
  accepts(curveKey: Uint8Array): boolean;
  /**
   * Registers the one who knows which nodes have a part in a job that goes on. These do not fetch their config, perhaps
   * for days, so their sessions and Curve keys count meanwhile.
   */
  keepWhile(isBusy: (node: NodeAddress) => boolean): void;
  /** Registers the one who is told when a session that expired long ago is forgotten. */
  whenForgotten(told: (session: Session) => void): void;
  /**
   * Whether what a node sends is to be taken: it is while its session is valid, while the node has a part in a job, and
   * for a minute after that, in which it can fetch its config.
   */
  listensTo(session: Session): boolean;
}
