import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChefState, emptyState } from './chef-state.js';
import { errorCode } from '../../src/shared/lib/app-error.js';

/** JSON form of maps and sets: `{"map": [[key, value]…]}` and `{"set": [value…]}`. */
const asJson = (_key: string, value: unknown): unknown => {
  if (value instanceof Map) return { map: [...(value as Map<unknown, unknown>)] };
  return value instanceof Set ? { set: [...(value as Set<unknown>)] } : value;
};

const fromJson = (_key: string, value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if ('map' in value && Array.isArray(value.map)) return new Map(value.map as [unknown, unknown][]);
  return 'set' in value && Array.isArray(value.set) ? new Set(value.set) : value;
};

/** Folder with the state and the private keys of a development Chef Server; all files have mode 0600. */
export class StateFolder {
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Reads the state of an earlier run, or returns an empty state. */
  load(): ChefState {
    try {
      return JSON.parse(readFileSync(this.file('state.json'), 'utf8'), fromJson) as ChefState;
    } catch (thrown) {
      if (errorCode(thrown) === 'ENOENT') return emptyState();
      throw thrown;
    }
  }

  /** Writes the state atomically. */
  save(state: ChefState): void {
    this.write('state.json', JSON.stringify(state, asJson, 1));
  }

  /** Writes a private key to `NAME.pem` and returns the path. */
  writeKey(name: string, privateKey: string): string {
    return this.write(`${name}.pem`, privateKey);
  }

  /** Reads the private key of an earlier run; undefined if there is none. */
  readKey(name: string): string | undefined {
    try {
      return readFileSync(this.file(`${name}.pem`), 'utf8');
    } catch (thrown) {
      if (errorCode(thrown) === 'ENOENT') return undefined;
      throw thrown;
    }
  }

  private write(name: string, content: string): string {
    const file = this.file(name);
    writeFileSync(`${file}.new`, content, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return file;
  }

  private file(name: string): string {
    return join(this.folder, name);
  }
}
