import { existsSync, readFileSync } from 'node:fs';
import { AppError, messageOf } from '../../../src/shared/lib/app-error.js';
import { ownerOf, writeAtomically } from '../files.js';
import { SecretsDocument, type SecretOptions } from './secrets-document.js';

/** Our group of the secrets file. */
export const OUR_GROUP = 'push-jobs-server';

const PRIVATE = 0o600;

/** A secrets file on disk. Changes stay in memory until `save`. */
export class SecretsStore {
  private isChanged = false;

  private constructor(
    readonly file: string,
    private document: SecretsDocument,
  ) {}

  /** Opens the file, or begins an empty one if it does not exist. Throws an AppError that names the file. */
  static open(file: string): SecretsStore {
    if (!existsSync(file)) return new SecretsStore(file, SecretsDocument.empty());
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (thrown) {
      throw new AppError('secrets_unreadable', `cannot read the secrets file: ${messageOf(thrown)}`);
    }
    return new SecretsStore(file, SecretsDocument.parse(text, file));
  }

  /** Returns a secret of our group or the given one, or undefined if it does not exist. */
  get(name: string, group = OUR_GROUP): string | undefined {
    return this.document.get(group, name);
  }

  /** Returns the names of our secrets. */
  names(): string[] {
    return this.document.names(OUR_GROUP);
  }

  set(name: string, value: string, options: SecretOptions): void {
    if (this.get(name) === value) return;
    this.document = this.document.with(OUR_GROUP, name, value, options);
    this.isChanged = true;
  }

  /** Removes one of our secrets. */
  remove(name: string): void {
    if (this.get(name) === undefined) return;
    this.document = this.document.withoutSecret(OUR_GROUP, name);
    this.isChanged = true;
  }

  /** Removes all of our secrets. */
  removeAll(): void {
    if (this.names().length === 0) return;
    this.document = this.document.withoutGroup(OUR_GROUP);
    this.isChanged = true;
  }

  /** Writes the file atomically if something changed. Only its owner, who stays the same, may read it. */
  async save(): Promise<void> {
    if (!this.isChanged) return;
    const owner = ownerOf(this.file);
    await writeAtomically(this.file, this.document.render(), {
      mode: PRIVATE,
      ...(owner === undefined ? {} : { owner }),
    });
    this.isChanged = false;
  }
}
