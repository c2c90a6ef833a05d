import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { decryptVeil, encryptVeil, freshVeilCipher, veilCipherSchema } from './veil-cipher.js';
import { jsonOrUndefined } from '../../../src/shared/lib/json.js';

const objectSchema = z.record(z.string(), z.unknown());

/** A credential as veil writes it; other programs may have added members. */
const credentialSchema = z.looseObject({ value: z.string(), version: z.number().optional() });

const envelopeSchema = z.looseObject({
  veil: z.discriminatedUnion('version', [
    z.looseObject({ version: z.literal(1), credentials: objectSchema }),
    z.looseObject({ version: z.literal(2), cipher: veilCipherSchema, credentials: z.base64() }),
  ]),
});

type Envelope = z.infer<typeof envelopeSchema>;

/** How a secret is stored in the file. */
export interface SecretOptions {
  /** Veil does not replace a frozen secret when it renews all passwords. */
  readonly frozen: boolean;
}

/**
 * The content of a secrets file in memory: veil's version 1 or 2, or the older plain `{group: {name: value}}`. Immutable.
 * Secrets of others keep value and form, and the file keeps its version. See docs/spec/operations.md, "Secrets".
 */
export class SecretsDocument {
  private constructor(
    /** Undefined in a plain file. */
    private readonly envelope: Envelope | undefined,
    private readonly groups: Record<string, unknown>,
  ) {}

  /** Returns an empty document of version 2, as veil begins one. */
  static empty(): SecretsDocument {
    const hasher = {
      type: 'Veil::Hasher::PBKDF2',
      secret: randomBytes(512).toString('hex'),
      salt: randomBytes(128).toString('hex'),
      iterations: 10_000,
      hash_function: 'OpenSSL::Digest::SHA512',
    };
    const type = 'Veil::CredentialCollection::ChefSecretsFile';
    return new SecretsDocument(
      { veil: { type, version: 2, hasher, cipher: freshVeilCipher(), credentials: '' } },
      {},
    );
  }

  /** Parses a file's text. Throws an AppError that names the file and never quotes it. */
  static parse(text: string, file: string): SecretsDocument {
    const json = parseObject(text) ?? unreadable(file, 'it is not a JSON object');
    if (!('veil' in json)) return new SecretsDocument(undefined, json);
    const parsed = envelopeSchema.safeParse(json);
    if (!parsed.success) {
      const where = parsed.error.issues
        .map(({ path, message }) => `${path.join('.')}: ${message}`)
        .join('; ');
      return unreadable(file, `it is not a veil file of version 1 or 2 (${where})`);
    }
    const { veil } = parsed.data;
    if (veil.version === 1) return new SecretsDocument(parsed.data, veil.credentials);
    const credentials = decryptVeil(veil.cipher, veil.credentials);
    const groups = credentials === undefined ? undefined : parseObject(credentials);
    return new SecretsDocument(
      parsed.data,
      groups ?? unreadable(file, 'its credentials cannot be decrypted with its key'),
    );
  }

  /** Returns a secret's value, or undefined if it does not exist. */
  get(group: string, name: string): string | undefined {
    const found = this.group(group)[name];
    if (typeof found === 'string') return found;
    const credential = credentialSchema.safeParse(found);
    return credential.success ? credential.data.value : undefined;
  }

  /** Returns the names of a group's secrets. */
  names(group: string): string[] {
    return Object.keys(this.group(group));
  }

  /** Returns the groups that have a secret of this name. */
  groupsWith(name: string): string[] {
    return Object.keys(this.groups).filter((group) => this.get(group, name) !== undefined);
  }

  /** Returns the document with this secret set. */
  with(group: string, name: string, value: string, { frozen }: SecretOptions): SecretsDocument {
    const before = credentialSchema.safeParse(this.group(group)[name]);
    const version = before.success ? (before.data.version ?? 0) + 1 : 0;
    const credential =
      this.envelope === undefined
        ? value
        : {
            ...(before.success ? before.data : { type: 'Veil::Credential', name, group }),
            value,
            version,
            length: value.length,
            frozen,
          };
    const members = { ...this.group(group), [name]: credential };
    return new SecretsDocument(this.envelope, { ...this.groups, [group]: members });
  }

  /** Returns the document without this secret. */
  withoutSecret(group: string, name: string): SecretsDocument {
    const { [name]: _removed, ...others } = this.group(group);
    return new SecretsDocument(this.envelope, { ...this.groups, [group]: others });
  }

  /** Returns the document without this group. */
  withoutGroup(group: string): SecretsDocument {
    const { [group]: _removed, ...others } = this.groups;
    return new SecretsDocument(this.envelope, others);
  }

  /** Returns the file's text. Version 2 is encrypted with a fresh key, as veil does at each write. */
  render(): string {
    const { envelope, groups } = this;
    if (envelope === undefined) return pretty(groups);
    const { veil } = envelope;
    if (veil.version === 1) return pretty({ ...envelope, veil: { ...veil, credentials: groups } });
    const cipher = { ...veil.cipher, ...freshVeilCipher() };
    const credentials = encryptVeil(cipher, JSON.stringify(groups));
    return pretty({ ...envelope, veil: { ...veil, cipher, credentials } });
  }

  private group(name: string): Readonly<Record<string, unknown>> {
    const parsed = objectSchema.safeParse(this.groups[name]);
    return parsed.success ? parsed.data : {};
  }
}

const pretty = (json: object): string => `${JSON.stringify(json, null, 2)}\n`;

const parseObject = (text: string): Record<string, unknown> | undefined =>
  objectSchema.safeParse(jsonOrUndefined(text)).data;

const unreadable = (file: string, why: string): never => {
  throw new AppError(
    'secrets_unreadable',
    `cannot read the secrets file ${file}: ${why}; restore it from a backup`,
  );
};
