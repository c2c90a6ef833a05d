import { createHash } from 'node:crypto';
import { z } from 'zod';
import { readIfExists, writeAtomically } from './files.js';
import { jsonOrUndefined } from '../../src/shared/lib/json.js';

const schema = z.record(z.string(), z.string());
const PRIVATE = 0o600;

/**
 * Remembers with which file contents a program was last started or reloaded. So reconfigure restarts only what changed,
 * and also makes up for an earlier run that ended between the change and the restart.
 */
export class AppliedState {
  constructor(private readonly file: string) {}

  /** Whether the program was last started or reloaded with these texts. */
  isApplied(program: string, texts: readonly string[]): boolean {
    return this.read()[program] === fingerprintOf(texts);
  }

  /** Records that the program runs with these texts. */
  async setApplied(program: string, texts: readonly string[]): Promise<void> {
    const state = { ...this.read(), [program]: fingerprintOf(texts) };
    await writeAtomically(this.file, `${JSON.stringify(state, null, 2)}\n`, { mode: PRIVATE });
  }

  private read(): Record<string, string> {
    // If the file is missing or broken, everything counts as changed.
    return schema.catch({}).parse(jsonOrUndefined(readIfExists(this.file) ?? ''));
  }
}

const fingerprintOf = (texts: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${Buffer.byteLength(text)}:${text}`);
  return hash.digest('hex');
};
