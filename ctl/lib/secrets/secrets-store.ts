import { existsSync, readFileSync } from 'node:fs';
import { AppError, messageOf } from '../../../src/shared/lib/app-error.js';
import { ownerOf, writeAtomically } from '../files.js';
import { SecretsDocument, type SecretOptions } from './secrets-document.js';

/** The group of the secrets file that is ours. */
export const OUR_GROUP = 'push-jobs-server';

const PRIVATE = 0o600;

/** A secrets file on disk. Changes are kept in memory until `save`. */
export class SecretsStore {
  private isChanged = false;

  private constructor(
    readonly file: string,
    private document: SecretsDocument,
  ) {}

  /** Opens the file, or begins one where there is none; throws an AppError that names it. */
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

  /** A secret of ours, or of the group that is named; undefined where there is none. */
  get(name: string, group = OUR_GROUP): string | undefined {
    return this.document.get(group, name);
  }

  /** Names of our secrets. */
  names(): string[] {
    return this.document.names(OUR_GROUP);
  }

  set(name: string, value: string, options: SecretOptions): void {
    if (this.get(name) === value) return;
    this.document = this.document.with(OUR_GROUP, name, value, options);
    this.isChanged = true;
  }

  /** Takes one of our secrets out. */
  remove(name: string): void {
    if (this.get(name) === undefined) return;
    this.document = this.document.withoutSecret(OUR_GROUP, name);
    this.isChanged = true;
  }

  /** Takes all of our secrets out. */
  removeOurs(): void {
    if (this.names().length === 0) return;
    this.document = this.document.without(OUR_GROUP);
    this.isChanged = true;
  }

  /** Writes the file where something was changed: in one step, for its owner only, who stays the same. */
  save(): void {
    if (!this.isChanged) return;
    const owner = ownerOf(this.file);
    writeAtomically(this.file, this.document.render(), {
      mode: PRIVATE,
      ...(owner === undefined ? {} : { owner }),
    });
    this.isChanged = false;
  }
}
