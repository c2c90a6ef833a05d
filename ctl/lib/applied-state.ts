import { createHash } from 'node:crypto';
import { z } from 'zod';
import { readIfThere, writeAtomically } from './files.js';

const schema = z.record(z.string(), z.string());
const PRIVATE = 0o600;

/**
 * Remembers with which files a program was last started or reloaded, so that only what changed is restarted, and so that
 * a run which broke off between the change and the restart is made up for by the next one.
 */
export class AppliedState {
  constructor(private readonly file: string) {}

  /** Whether the program runs with these texts already. */
  isApplied(program: string, texts: readonly string[]): boolean {
    return this.read()[program] === fingerprintOf(texts);
  }

  /** Notes that it does. */
  setApplied(program: string, texts: readonly string[]): void {
    const state = { ...this.read(), [program]: fingerprintOf(texts) };
    writeAtomically(this.file, `${JSON.stringify(state, null, 2)}\n`, { mode: PRIVATE });
  }

  private read(): Record<string, string> {
    const text = readIfThere(this.file);
    if (text === undefined) return {};
    try {
      return schema.catch({}).parse(JSON.parse(text));
    } catch {
      return {}; // broken: everything counts as changed
    }
  }
}

const fingerprintOf = (texts: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${Buffer.byteLength(text)}:${text}`);
  return hash.digest('hex');
};
