import { err, ok, type Result } from '../lib/result.js';

/** How a frame's body is signed (wire protocol, section 3). */
export type SigningMethod = 'hmac_sha256' | 'rsa2048_sha1';

/** A frame's header: which form, signed how, and the signature in base64. */
export interface FrameHeader {
  readonly version: '1.0' | '2.0';
  readonly method: SigningMethod;
  readonly signature: string;
}

/** Why a header was not understood; also the label under which such frames are counted. */
export type HeaderFault = 'header_too_long' | 'header_malformed' | 'header_version' | 'header_method';

/** A longer header is dropped unread. */
export const MAX_HEADER_BYTES = 2048;

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Writes a version 2.0 header. */
export const formatHeader = (method: SigningMethod, signature: string): string =>
  `Version:2.0;SigningMethod:${method};Signature:${signature}`;

/**
 * Reads a header: parts joined by `;` in any order, unknown parts ignored, `SignedChecksum` allowed for
 * `Signature`. A part that comes twice, a missing part or a signature that is not base64 is a fault.
 */
export const parseHeader = (bytes: Uint8Array): Result<FrameHeader, HeaderFault> => {
  if (bytes.length > MAX_HEADER_BYTES) return err('header_too_long');
  const parts = splitParts(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'));
  if (parts === undefined) return err('header_malformed');

  const signature = parts.get('Signature') ?? parts.get('SignedChecksum');
  const version = parts.get('Version');
  const method = parts.get('SigningMethod');
  if (signature === undefined || version === undefined || method === undefined)
    return err('header_malformed');
  if (!BASE64.test(signature)) return err('header_malformed');
  if (version !== '2.0' && version !== '1.0') return err('header_version');
  if (method !== 'hmac_sha256' && method !== 'rsa2048_sha1') return err('header_method');
  if (version === '1.0' && method !== 'rsa2048_sha1') return err('header_version');
  return ok({ version, method, signature });
};

/** The parts by name; undefined where a part has no `:` or stands twice. */
const splitParts = (text: string): Map<string, string> | undefined => {
  const parts = new Map<string, string>();
  for (const part of text.split(';')) {
    if (part === '') continue;
    const colon = part.indexOf(':');
    const name = part.slice(0, colon);
    if (colon < 1 || parts.has(name)) return undefined;
    parts.set(name, part.slice(colon + 1));
  }
  return parts;
};
