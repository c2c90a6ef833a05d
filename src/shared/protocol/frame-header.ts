import { err, ok, type Result } from '../lib/result.js';

/** How the body of a frame is signed. See docs/spec/wire-protocol.md, "Frames". */
export type SigningMethod = 'hmac_sha256' | 'rsa2048_sha1';

/** The header of a frame; the signature is in base64. */
export interface FrameHeader {
  readonly version: '1.0' | '2.0';
  readonly method: SigningMethod;
  readonly signature: string;
}

/** Why a header is invalid; also the metric label of such frames. */
export type HeaderFault = 'header_too_long' | 'header_malformed' | 'header_version' | 'header_method';

/** A longer header is rejected without parsing. */
export const MAX_HEADER_BYTES = 2048;

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Formats a version 2.0 header. */
export const formatHeader = (method: SigningMethod, signature: string): string =>
  `Version:2.0;SigningMethod:${method};Signature:${signature}`;

/**
 * Parses a header: fields separated by `;` in any order. Unknown fields are ignored, `SignedChecksum` is accepted for
 * `Signature`. A repeated or missing field, or a signature that is not base64, is a fault.
 */
export const parseHeader = (bytes: Uint8Array): Result<FrameHeader, HeaderFault> => {
  if (bytes.length > MAX_HEADER_BYTES) return err('header_too_long');
  const fields = splitFields(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'),
  );
  if (fields === undefined) return err('header_malformed');

  const signature = fields.get('Signature') ?? fields.get('SignedChecksum');
  const version = fields.get('Version');
  const method = fields.get('SigningMethod');
  if (signature === undefined || version === undefined || method === undefined)
    return err('header_malformed');
  if (!BASE64.test(signature)) return err('header_malformed');
  if (version !== '2.0' && version !== '1.0') return err('header_version');
  if (method !== 'hmac_sha256' && method !== 'rsa2048_sha1') return err('header_method');
  if (version === '1.0' && method !== 'rsa2048_sha1') return err('header_version');
  return ok({ version, method, signature });
};

/** Returns the fields by name; undefined if a field has no `:` or is repeated. */
const splitFields = (text: string): Map<string, string> | undefined => {
  const fields = new Map<string, string>();
  for (const field of text.split(';')) {
    if (field === '') continue;
    const colon = field.indexOf(':');
    const name = field.slice(0, colon);
    if (colon < 1 || fields.has(name)) return undefined;
    fields.set(name, field.slice(colon + 1));
  }
  return fields;
};
