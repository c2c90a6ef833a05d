import sodium from 'libsodium-wrappers';
import { nodeKeyOf, type NodeAddress } from '../../shared/protocol/node-address.js';
import { SESSION_KEY_BYTES } from '../../shared/protocol/session-key.js';
import { invalidSecret } from './load-server-keys.js';

/**
 * Encrypts session keys for the database with libsodium's secretbox, so that a copy of the database cannot sign messages.
 * The encrypted text contains the node's address, so a row that was moved to another node does not open.
 */
export class SessionSeal {
  private constructor(private readonly sealKey: Uint8Array) {}

  /** Creates it from the secret `session_seal_key`, base64 of 32 bytes; throws an AppError if the secret is invalid. */
  static async create(sessionSealKey: string): Promise<SessionSeal> {
    await sodium.ready;
    const sealKey = Buffer.from(sessionSealKey, 'base64');
    if (sealKey.length !== sodium.crypto_secretbox_KEYBYTES) {
      throw invalidSecret('session_seal_key', `base64 of ${sodium.crypto_secretbox_KEYBYTES} bytes`);
    }
    return new SessionSeal(sealKey);
  }

  /** Encrypts a node's session key: a fresh nonce, then the secretbox of key and address. */
  seal(address: NodeAddress, sessionKey: Uint8Array): Buffer {
    const nonce = sodium.randombytes_buf(sodium.crypto_secretbox_NONCEBYTES);
    const text = Buffer.concat([sessionKey, Buffer.from(nodeKeyOf(address))]);
    return Buffer.concat([nonce, sodium.crypto_secretbox_easy(text, nonce, this.sealKey)]);
  }

  /** Decrypts a node's session key; undefined if it was encrypted for another node or by another key, or was changed. */
  open(address: NodeAddress, sealed: Buffer): Buffer | undefined {
    const nonce = sealed.subarray(0, sodium.crypto_secretbox_NONCEBYTES);
    const box = sealed.subarray(sodium.crypto_secretbox_NONCEBYTES);
    let text: Buffer;
    try {
      text = Buffer.from(sodium.crypto_secretbox_open_easy(box, nonce, this.sealKey));
    } catch {
      return undefined; // the box is incomplete or was made with another key
    }
    const isThisNode = text.subarray(SESSION_KEY_BYTES).equals(Buffer.from(nodeKeyOf(address)));
    return isThisNode ? text.subarray(0, SESSION_KEY_BYTES) : undefined;
  }
}
