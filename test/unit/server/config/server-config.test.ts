import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { serverConfigSchema } from '../../../../src/server/config/server-config.js';

interface JsonSchema {
  readonly type?: string;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
}

interface NumericSetting {
  /** Like `chef_server.timeout`; `*` is any name. */
  readonly name: string;
  readonly path: readonly string[];
  readonly maximum: number;
}

const numericSettings = (schema: JsonSchema, path: readonly string[] = []): NumericSetting[] => [
  ...(schema.type === 'number' || schema.type === 'integer'
    ? [{ name: path.join('.'), path, maximum: schema.maximum ?? Infinity }]
    : []),
  ...(schema.anyOf ?? []).flatMap((each) => numericSettings(each, path)),
  ...Object.entries(schema.properties ?? {}).flatMap(([name, each]) =>
    numericSettings(each, [...path, name]),
  ),
  ...(typeof schema.additionalProperties === 'object'
    ? numericSettings(schema.additionalProperties, [...path, '*'])
    : []),
];

const SETTINGS = numericSettings(z.toJSONSchema(serverConfigSchema, { io: 'input' }) as JsonSchema);

const REQUIRED = {
  server_name_advertised: 'push.example.com',
  secrets_file: '/secrets',
  database: { host: 'db' },
};

/** Merges `{ a: { b: value } }` for the path `a`, `b` into the smallest valid settings. */
const withSetting = (path: readonly string[], value: unknown): object => {
  const [name = '', ...rest] = path;
  const isLeaf = rest.length === 0;
  const nested = (inner: readonly string[]): unknown =>
    inner.length === 0 ? value : { [inner[0] ?? '']: nested(inner.slice(1)) };
  const base = name === 'database' ? REQUIRED.database : {};
  return { ...REQUIRED, [name]: isLeaf ? value : { ...base, ...(nested(rest) as object) } };
};

const isAccepted = (path: readonly string[], value: unknown): boolean =>
  serverConfigSchema.safeParse(withSetting(path, value)).success;

describe('numeric settings', () => {
  it('are found by this test', () => {
    const names = SETTINGS.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'voting_timeout',
        'chef_server.timeout',
        'database.port',
        'history_retention.organizations.*.days',
      ]),
    );
    expect(names.length).toBeGreaterThan(20);
  });

  it.each(SETTINGS)('$name has a maximum, which is accepted', ({ path, maximum }) => {
    expect(maximum).toBeLessThanOrEqual(2 ** 31 - 1);
    expect(isAccepted(path, maximum)).toBe(true);
    expect(isAccepted(path, String(maximum))).toBe(true);
  });

  it.each(SETTINGS)('$name is rejected above its maximum', ({ path, maximum }) => {
    const above = fc.double({ min: maximum, minExcluded: true });
    fc.assert(fc.property(above, (value) => !isAccepted(path, value) && !isAccepted(path, String(value))));
  });

  it.each(SETTINGS)('$name is rejected below 0', ({ path }) => {
    const below = fc.double({ max: -Number.MIN_VALUE });
    fc.assert(fc.property(below, (value) => !isAccepted(path, value)));
  });
});
