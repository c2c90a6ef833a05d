import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceKeys } from '../../../../../ctl/lib/secrets/generate-secrets.js';
import {
  previousKeysOf,
  removeEndedKeys,
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
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'push-jobs-secrets-'));
    file = join(folder, 'secrets.json');
    const store = SecretsStore.open(file);
    store.set('sql_password', 'something else', { frozen: false });
    setPreviousKeys(store, KEYS);
    store.save();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are found again, encrypted like all others', () => {
    expect(previousKeysOf(SecretsStore.open(file))).toEqual(KEYS);
    expect(readFileSync(file, 'utf8')).not.toContain(KEYS.curve_secret_key);
  });

  it('can be taken out, and leave the others', () => {
    const store = SecretsStore.open(file);
    expect(removePreviousKeys(store)).toBe(true);
    store.save();
    const after = SecretsStore.open(file);
    expect(after.names()).toEqual(['sql_password']);
    expect(removePreviousKeys(after)).toBe(false);
  });

  it('are taken out when their time is over, not a moment earlier', () => {
    const store = SecretsStore.open(file);
    expect(removeEndedKeys(store, new Date(END - 1))).toBe(false);
    expect(previousKeysOf(store)).toEqual(KEYS);
    expect(removeEndedKeys(store, new Date(END))).toBe(true);
    expect(previousKeysOf(store)).toBeUndefined();
  });

  it('are none, and taken out, where only a part of them is there', () => {
    const store = SecretsStore.open(file);
    store.remove('previous_keys_valid_until');
    expect(previousKeysOf(store)).toBeUndefined();
    expect(removeEndedKeys(store, new Date(0))).toBe(true);
    expect(store.names()).toEqual(['sql_password']);
  });

  it('count no more when keys are made by force', async () => {
    const store = SecretsStore.open(file);
    await replaceKeys(store, { rsa: false, curve: true });
    expect(store.names().sort()).toEqual(['curve_secret_key', 'sql_password']);
  });
});
