import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceKeys } from '../../../../../ctl/lib/secrets/generate-secrets.js';
import {
  previousKeysOf,
  removeExpiredKeys,
  removePreviousKeys,
  setPreviousKeys,
} from '../../../../../ctl/lib/secrets/previous-keys.js';
import { SecretsStore } from '../../../../../ctl/lib/secrets/secrets-store.js';

const KEYS = {
  pushy_priv_key: 'an RSA key',
  curve_secret_key: 'a Curve key',
  rotated_at: '2026-11-25T22:00:00Z',
  valid_until: '2026-11-26T00:00:00Z',
};
const END = Date.parse(KEYS.valid_until);

describe('the keys before the last rotation in the secrets file', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'push-jobs-secrets-'));
    file = join(folder, 'secrets.json');
    const store = SecretsStore.open(file);
    store.set('sql_password', 'something else', { frozen: false });
    setPreviousKeys(store, KEYS);
    await store.save();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are read back, encrypted like all other secrets', () => {
    expect(previousKeysOf(SecretsStore.open(file))).toEqual(KEYS);
    expect(readFileSync(file, 'utf8')).not.toContain(KEYS.curve_secret_key);
  });

  it('are removed without the other secrets', async () => {
    const store = SecretsStore.open(file);
    expect(removePreviousKeys(store)).toBe(true);
    await store.save();
    const after = SecretsStore.open(file);
    expect(after.names()).toEqual(['sql_password']);
    expect(removePreviousKeys(after)).toBe(false);
  });

  it('are removed when they expire, and not earlier', () => {
    const store = SecretsStore.open(file);
    expect(removeExpiredKeys(store, new Date(END - 1))).toBe(false);
    expect(previousKeysOf(store)).toEqual(KEYS);
    expect(removeExpiredKeys(store, new Date(END))).toBe(true);
    expect(previousKeysOf(store)).toBeUndefined();
  });

  it('are ignored and removed if any of them is missing', () => {
    const store = SecretsStore.open(file);
    store.remove('previous_keys_valid_until');
    expect(previousKeysOf(store)).toBeUndefined();
    expect(removeExpiredKeys(store, new Date(0))).toBe(true);
    expect(store.names()).toEqual(['sql_password']);
  });

  it('are removed when generate-keys --force replaces the keys', async () => {
    const store = SecretsStore.open(file);
    await replaceKeys(store, { rsa: false, curve: true });
    expect(store.names().sort()).toEqual(['curve_secret_key', 'sql_password']);
  });
});
