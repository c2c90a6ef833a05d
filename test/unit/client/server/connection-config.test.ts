import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseConfigDocument, type ServerConfig } from '../../../../src/client/server/connection-config.js';
import type { Result } from '../../../../src/shared/lib/result.js';
import { encryptSessionKey } from '../../../../src/shared/protocol/session-key.js';
import { encodeZ85 } from '../../../../src/shared/protocol/z85.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const sessionKey = randomBytes(32);

const HEARTBEAT = {
  out_addr: 'tcp://push.example.com:10000',
  command_addr: 'tcp://[2001:db8::1]:10002',
  interval: 1.001,
  offline_threshold: 3,
  online_threshold: 2,
};

const read = (heartbeat: object = {}, fields: object = {}): Result<ServerConfig, string> =>
  parseConfigDocument(
    Buffer.from(
      JSON.stringify({
        push_jobs: { heartbeat: { ...HEARTBEAT, ...heartbeat } },
        public_key: keys.publicKey.export({ type: 'spki', format: 'pem' }),
        curve_public_key: encodeZ85(randomBytes(32)),
        encoded_session_key: { method: 'hmac_sha256', key: encryptSessionKey(keys.publicKey, sessionKey) },
        lifetime: 3600,
        incarnation_id: 'one',
        ...fields,
      }),
    ),
    keys.privateKey,
  );

test('reads everything that a connection needs, times in whole milliseconds', () => {
  expect(read()).toMatchObject({
    ok: true,
    value: {
      commandAddress: 'tcp://[2001:db8::1]:10002',
      heartbeatAddress: 'tcp://push.example.com:10000',
      intervalMs: 1001,
      sessionKey,
      lifetimeMs: 3_600_000,
      maxSkewS: 300,
      supportsPings: false,
    },
  });
});

test.each<[string, object, object]>([
  [
    "command_addr is 'push.example.com:10002'; it must be an address like",
    { command_addr: 'push.example.com:10002' },
    {},
  ],
  ['command_addr is', { command_addr: 'tcp://push.example.com' }, {}],
  ['command_addr is', { command_addr: 'tcp://push.example.com:65536' }, {}],
  ['command_addr is', { command_addr: 'ipc:///run/push' }, {}],
  ['out_addr is', { out_addr: 'tcp://:10000' }, {}],
  ["command_addr is 'tcp://*:10002'", { command_addr: 'tcp://*:10002' }, {}],
  ['command_addr is', { command_addr: 'tcp://é.example:5' }, {}],
  ['out_addr is', { out_addr: 'tcp://a@b:5' }, {}],
  ['more than a day', { interval: 1e9 }, {}],
  ['curve_public_key', {}, { curve_public_key: 'no key' }],
  ['curve_public_key', {}, { curve_public_key: encodeZ85(randomBytes(28)) }],
])('rejects a config that no channel can be opened with: %s', (text, heartbeat, fields) => {
  const config = read(heartbeat, fields);
  expect(config.ok ? '' : config.error).toContain(text);
});
