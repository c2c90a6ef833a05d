import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { verifyCommand } from '../../../../src/client/domain/verify-command.js';

const recording = JSON.parse(readFileSync('test/fixtures/command-channel.json', 'utf8')) as {
  session_key: string;
  frames: { direction: string; header: string; body: string }[];
};
const sessionKey = Buffer.from(recording.session_key, 'base64');
const commands = recording.frames
  .filter(({ direction }) => direction === 'server-to-client')
  .map(({ header, body }) => [Buffer.from(header), Buffer.from(body)] as const);
const NOW = Date.parse('Sun, 22 Nov 2026 09:20:00 GMT');

const verify = (frames: readonly Buffer[], lastSequence = 0, nowMs = NOW) =>
  verifyCommand(frames, { sessionKey, lastSequence, nowMs, maxSkewS: 300 });

test('accepts all recorded commands of a server in their order', () => {
  let lastSequence = 0;
  for (const frames of commands) {
    const command = verify(frames, lastSequence);
    if (!command.ok) throw new Error(command.error);
    lastSequence = command.value.sequence;
  }
  expect(lastSequence).toBe(11);
});

test('drops a replayed command', () => {
  expect(verify(commands[0]!, 1)).toMatchObject({
    ok: false,
    error: expect.stringContaining('replayed') as string,
  });
});

test.each([
  [300_000, 'differs from our clock'],
  [-300_000, 'differs from our clock'],
])('drops a command if the clocks differ by %i ms', (skewMs, error) => {
  const sent = Date.parse('Sun, 22 Nov 2026 09:19:45 GMT');
  expect(verify(commands[0]!, 0, sent + skewMs)).toMatchObject({
    ok: false,
    error: expect.stringContaining(error) as string,
  });
  expect(verify(commands[0]!, 0, sent + Math.sign(skewMs) * 299_999)).toMatchObject({ ok: true });
});

test('drops changed bytes, wrong frames and other signing methods', () => {
  const [header, body] = commands[0]!;
  const changed = Buffer.from(body.toString().replace('abort', 'abOrt'));
  expect(verify([header, changed])).toEqual({ ok: false, error: 'bad_signature' });
  expect(verify([header])).toMatchObject({ ok: false });
  expect(verify([header, body, body])).toMatchObject({ ok: false });
  expect(verify([Buffer.from('Version:2.0;SigningMethod:rsa2048_sha1;Signature:AAAA'), body])).toEqual({
    ok: false,
    error: 'signing method rsa2048_sha1',
  });
});
