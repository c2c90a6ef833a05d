import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkCommand } from '../../../../src/client/domain/check-command.js';

const recording = JSON.parse(readFileSync('test/fixtures/command-channel.json', 'utf8')) as {
  session_key: string;
  frames: { direction: string; header: string; body: string }[];
};
const sessionKey = Buffer.from(recording.session_key, 'base64');
const commands = recording.frames
  .filter(({ direction }) => direction === 'server-to-client')
  .map(({ header, body }) => [Buffer.from(header), Buffer.from(body)] as const);
const NOW = Date.parse('Sun, 22 Nov 2026 09:20:00 GMT');

const check = (frames: readonly Buffer[], lastSequence = 0, nowMs = NOW) =>
  checkCommand(frames, { sessionKey, lastSequence, nowMs, maxSkewS: 300 });

test('all commands that a server sent are accepted in their order', () => {
  let lastSequence = 0;
  for (const frames of commands) {
    const command = check(frames, lastSequence);
    if (!command.ok) throw new Error(command.error);
    lastSequence = command.value.sequence;
  }
  expect(lastSequence).toBe(11);
});

test('the same command does not pass twice', () => {
  expect(check(commands[0]!, 1)).toMatchObject({
    ok: false,
    error: expect.stringContaining('repetition') as string,
  });
});

test.each([
  [300_000, 'differs from our clock'],
  [-300_000, 'differs from our clock'],
])('a clock that is off by %i ms drops it', (offMs, error) => {
  const sent = Date.parse('Sun, 22 Nov 2026 09:19:45 GMT');
  expect(check(commands[0]!, 0, sent + offMs)).toMatchObject({
    ok: false,
    error: expect.stringContaining(error) as string,
  });
  expect(check(commands[0]!, 0, sent + Math.sign(offMs) * 299_999)).toMatchObject({ ok: true });
});

test('other bytes, another key, other frames are dropped', () => {
  const [header, body] = commands[0]!;
  const changed = Buffer.from(body.toString().replace('abort', 'abOrt'));
  expect(check([header, changed])).toEqual({ ok: false, error: 'bad_signature' });
  expect(check([header])).toMatchObject({ ok: false });
  expect(check([header, body, body])).toMatchObject({ ok: false });
  expect(check([Buffer.from('Version:2.0;SigningMethod:rsa2048_sha1;Signature:AAAA'), body])).toEqual({
    ok: false,
    error: 'signing method rsa2048_sha1',
  });
});
