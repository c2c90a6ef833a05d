import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sendSigned } from '../../support/signed-sender.js';
import { QUIET_SETTINGS } from '../../support/server-settings.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

const server = useServer(QUIET_SETTINGS);

const post = async (body: string | Uint8Array, headers: Record<string, string> = {}): Promise<number> => {
  const { status } = await sendSigned(
    server.url(''),
    { user: 'alice', key: server.userKey },
    {
      method: 'POST',
      path: `/organizations/${ORG}/pushy/jobs`,
      body,
      headers: { 'Content-Type': 'application/json', ...headers },
    },
  );
  return status;
};

const text = fc.oneof(
  fc.constantFrom(
    '',
    '\0',
    '\uD800',
    '\uFEFF',
    '__proto__',
    'constructor',
    'raw:',
    'base64:####',
    'x'.repeat(2_000),
    '../..',
  ),
  fc.string({ unit: 'binary' }),
);
const number = fc.oneof(
  fc.constantFrom(-0, 0, 1, -1, 0.5, 2 ** 31 - 1, 2 ** 31, 2 ** 53, 1e18, 1e300, -1e300),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const anything = fc.oneof(text, number, fc.boolean(), fc.constant(null), fc.jsonValue({ maxDepth: 3 }));

const valid = {
  command: fc.oneof(fc.constant('chef-client'), text),
  nodes: fc.array(fc.oneof(fc.constantFrom('a', 'b'), text), { minLength: 1, maxLength: 4 }),
  quorum: number,
  run_timeout: number,
  user: text,
  dir: text,
  env: fc.dictionary(text, text, { maxKeys: 4 }),
  file: text.map((content) => `raw:${content}`),
  capture_output: fc.boolean(),
  dry_run: fc.boolean(),
};

/** A member is valid in most requests, so that faults of all kinds are reached. */
const mostly = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 9, arbitrary: value }, { weight: 1, arbitrary: anything });

const requests = fc
  .record(Object.fromEntries(Object.entries(valid).map(([name, value]) => [name, mostly<unknown>(value)])), {
    requiredKeys: ['command', 'nodes'],
  })
  .map((request) => JSON.stringify(request).replaceAll(/"(quorum|run_timeout)":0(?=[,}])/g, '"$1":-0'));

it(
  'any job request is started or gets 400, and is no error of the server',
  { timeout: 100_000 },
  async () => {
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(requests, async (body) => {
        const status = await post(body);
        statuses.add(status);
        expect([200, 201, 400], body).toContain(status);
      }),
      { numRuns: 250 },
    );
    expect(statuses).toEqual(new Set([200, 201, 400]));
    expect(server.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  },
);

it('any bytes get 400', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (body) => {
      expect(await post(Buffer.from(body))).toBe(400);
    }),
    { numRuns: 100 },
  );
});

it('any header values are no error of the server', async () => {
  const value = fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .map((code) => String.fromCharCode(code === 0x7f ? 0x20 : code)),
  });
  const name = fc.constantFrom(
    ...['Idempotency-Key', 'Accept', 'Content-Encoding', 'X-Ops-Sign', 'X-Ops-Timestamp', 'X-Ops-UserId'],
    ...[
      'X-Ops-Content-Hash',
      'X-Ops-Authorization-1',
      'X-Ops-Server-API-Version',
      'X-Forwarded-For',
      'X-Forwarded-Proto',
    ],
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, value, { minKeys: 1, maxKeys: 3 }), async (headers) => {
      expect(await post('{"command":"a","nodes":["b"]}', headers), JSON.stringify(headers)).toBeLessThan(500);
    }),
    { numRuns: 150 },
  );
});
