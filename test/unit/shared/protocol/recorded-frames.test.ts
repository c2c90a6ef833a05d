import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  decodeClientMessage,
  decodeCommandMessage,
  decodeServerHeartbeat,
} from '../../../../src/shared/protocol/frame-codec.js';
import { parseHeader } from '../../../../src/shared/protocol/frame-header.js';
import { signHmac, verifyHmac, verifyRsa } from '../../../../src/shared/protocol/frame-signature.js';
import { parseRfc1123 } from '../../../../src/shared/protocol/wire-time.js';

interface RecordedFrame {
  readonly direction: 'client-to-server' | 'server-to-client';
  readonly type: string;
  readonly header: string;
  readonly body: string;
}

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/${name}`, import.meta.url), 'utf8'));

const commandChannel = fixture('command-channel.json') as {
  org: string;
  node: string;
  session_key: string;
  frames: RecordedFrame[];
};
const serverHeartbeat = fixture('server-heartbeat.json') as { public_key: string; frames: RecordedFrame[] };

const numbered = (frames: RecordedFrame[]): (readonly [number, string, RecordedFrame])[] =>
  frames.map((frame, index) => [index, frame.type, frame] as const);

describe('frames recorded from a Ruby client 3.0.13 and its server', () => {
  const key = Buffer.from(commandChannel.session_key, 'base64');

  it.each(numbered(commandChannel.frames))('frame %i (%s) verifies and decodes', (_index, type, frame) => {
    const header = parseHeader(Buffer.from(frame.header));
    if (!header.ok) throw new Error(header.error);
    const body = Buffer.from(frame.body);
    const decode = frame.direction === 'client-to-server' ? decodeClientMessage : decodeCommandMessage;

    expect(header.value).toMatchObject({ version: '2.0', method: 'hmac_sha256' });
    expect(verifyHmac(key, body, header.value.signature)).toBe(true);
    expect(signHmac(key, body)).toBe(header.value.signature);
    expect(decode(body)).toMatchObject({ ok: true, value: { type } });
    const { timestamp } = JSON.parse(frame.body) as { timestamp: string };
    expect(new Date(parseRfc1123(timestamp) ?? 0).toISOString()).toMatch(/^2026-11-22T/);
  });

  it('a client message does not verify with another key, nor after a changed bit', () => {
    const [frame] = commandChannel.frames;
    const signature = frame!.header.replace(/.*Signature:/, '');
    const changed = Buffer.from(frame!.body.replace('idle', 'idlf'));

    expect(verifyHmac(Buffer.alloc(32), Buffer.from(frame!.body), signature)).toBe(false);
    expect(verifyHmac(key, changed, signature)).toBe(false);
  });
});

describe('heartbeats recorded from the original server', () => {
  const key = createPublicKey(serverHeartbeat.public_key);

  it.each(numbered(serverHeartbeat.frames))(
    'heartbeat %i verifies and is understood',
    (index, _type, frame) => {
      const header = parseHeader(Buffer.from(frame.header));
      if (!header.ok) throw new Error(header.error);

      expect(header.value).toMatchObject({ version: '2.0', method: 'rsa2048_sha1' });
      expect(verifyRsa(key, Buffer.from(frame.body), header.value.signature)).toBe(true);
      expect(verifyRsa(key, Buffer.from(`${frame.body} `), header.value.signature)).toBe(false);
      expect(decodeServerHeartbeat(Buffer.from(frame.body))).toMatchObject({
        ok: true,
        value: { sequence: index },
      });
    },
  );
});
