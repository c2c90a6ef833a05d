import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { decryptVeil, encryptVeil, freshVeilCipher, veilCipherSchema } from './veil-cipher.js';

const objectSchema = z.record(z.string(), z.unknown());

/** A credential as veil writes it; other programs may have put more into it. */
const credentialSchema = z.looseObject({ value: z.string(), version: z.number().optional() });

const envelopeSchema = z.looseObject({
  veil: z.discriminatedUnion('version', [
    z.looseObject({ version: z.literal(1), credentials: objectSchema }),
    z.looseObject({ version: z.literal(2), cipher: veilCipherSchema, credentials: z.base64() }),
  ]),
});

type Envelope = z.infer<typeof envelopeSchema>;

/** How a secret is put into the file. */
export interface SecretOptions {
  /** Veil leaves it alone when it makes all passwords anew: a key that others hold the other half of. */
  readonly frozen: boolean;
}

/**
 * The content of a secrets file (operations, "Secrets") in memory: veil's versions 1 and 2, or the older plain
 * `{group: {name: value}}`. What is not ours keeps its value and its form, the file keeps its version.
 */
export class SecretsDocument {
  private constructor(
    /** Undefined in a plain file. */
    private readonly envelope: Envelope | undefined,
    private readonly groups: Record<string, unknown>,
  ) {}

  /** An empty file of version 2, as veil would begin one. */
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

  /** Reads a file's text; throws an AppError that names the file and never quotes it. */
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

  /** The secret's value; undefined where there is none. */
  get(group: string, name: string): string | undefined {
    const found = this.group(group)[name];
    if (typeof found === 'string') return found;
    const credential = credentialSchema.safeParse(found);
    return credential.success ? credential.data.value : undefined;
  }

  /** The names of a group's secrets. */
  names(group: string): string[] {
    return Object.keys(this.group(group));
  }

  /** The groups in which a secret of this name stands. */
  groupsWith(name: string): string[] {
    return Object.keys(this.groups).filter((group) => this.get(group, name) !== undefined);
  }

  /** The document with this secret set. */
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

  /** The document without this secret. */
  withoutSecret(group: string, name: string): SecretsDocument {
    const { [name]: _removed, ...others } = this.group(group);
    return new SecretsDocument(this.envelope, { ...this.groups, [group]: others });
  }

  /** The document without a group. */
  without(group: string): SecretsDocument {
    const { [group]: _removed, ...others } = this.groups;
    return new SecretsDocument(this.envelope, others);
  }

  /** The file's text; version 2 is encrypted with a fresh key, as veil does at each writing. */
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

const parseObject = (text: string): Record<string, unknown> | undefined => {
  try {
    const parsed = objectSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined; // not JSON at all; the parser's words would quote the file
  }
};

const unreadable = (file: string, why: string): never => {
  throw new AppError(
    'secrets_unreadable',
    `cannot read the secrets file ${file}: ${why}; restore it from a backup`,
  );
};
