import { createPublicKey, randomBytes, sign } from 'node:crypto';

/** The subset of DER that a small certificate needs: each function returns tag, length and content. */
const tagged = (tag: number, ...contents: Uint8Array[]): Buffer => {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
};

const lengthOf = (length: number): Buffer => {
  if (length < 0x80) return Buffer.from([length]);
  return length < 0x100 ? Buffer.from([0x81, length]) : Buffer.from([0x82, length >> 8, length & 0xff]);
};

const sequence = (...parts: Uint8Array[]): Buffer => tagged(0x30, ...parts);
const set = (...parts: Uint8Array[]): Buffer => tagged(0x31, ...parts);
const text = (value: string): Buffer => tagged(0x0c, Buffer.from(value));
const octets = (value: Uint8Array): Buffer => tagged(0x04, value);
const bits = (value: Uint8Array): Buffer => tagged(0x03, Buffer.from([0]), value);
const time = (value: string): Buffer => tagged(0x18, Buffer.from(value));

const VERSION_3 = tagged(0xa0, tagged(0x02, Buffer.from([2])));
const COMMON_NAME = Buffer.from('0603550403', 'hex');
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex');
const SHA256_WITH_RSA = sequence(Buffer.from('06092a864886f70d01010b', 'hex'), tagged(0x05));
const LOOPBACK = tagged(0x87, Buffer.from([127, 0, 0, 1]));

/**
 * Creates a self-signed X.509 certificate (PEM) for an RSA private key (PEM). It is valid for TLS on 127.0.0.1, and has
 * the form in which old Chef Servers return public keys.
 */
export const selfSignedCertificate = (privateKey: string, commonName: string): string => {
  const name = sequence(set(sequence(COMMON_NAME, text(commonName))));
  const toBeSigned = sequence(
    VERSION_3,
    tagged(0x02, Buffer.from([1]), randomBytes(8)),
    SHA256_WITH_RSA,
    name,
    sequence(time('20200101000000Z'), time('20991231235959Z')),
    name,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(sequence(SUBJECT_ALT_NAME, octets(sequence(LOOPBACK))))),
  );
  const certificate = sequence(toBeSigned, SHA256_WITH_RSA, bits(sign('sha256', toBeSigned, privateKey)));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
};
