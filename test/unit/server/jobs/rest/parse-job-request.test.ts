import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJobRequest } from '../../../../../src/server/jobs/rest/parse-job-request.js';
import type { JobRequest } from '../../../../../src/shared/protocol/job-request.js';

const readText = (json: string) => parseJobRequest(Buffer.from(json));
const MINIMAL = { command: 'chef-client', nodes: ['web1'] };
/** Parses the smallest valid request with these members added; undefined members are left out. */
const readWith = (over: object) => readText(JSON.stringify({ ...MINIMAL, ...over }));

const OTHER = 'an unknown validation error has occurred';
const NO_NODE = 'at least one node must be supplied';
const KEY = 'invalid key supplied';
const ENV_TWICE = 'invalid environment value (duplicate key)';
const NO_PREFIX = "invalid file contents (expected 'base64:...' or 'raw:...')";
const NO_BASE64 = "invalid file contents (couldn't decode base64 string)";
const TOO_LARGE = 'invalid file size (must be <= 100000 bytes)';
const numberOf = (key: string): string =>
  `invalid value supplied for ${key} (expected a whole number from 0 to 2147483647)`;
const NOT_STORABLE = 'invalid value supplied (NUL and unpaired surrogates are not allowed)';

describe('a valid job request', () => {
  test('needs only a command and a node, and has no other members then', () => {
    expect(readText('{"command":"","nodes":["web1"]}')).toEqual({
      ok: true,
      value: { command: '', nodes: ['web1'] },
    });
  });

  test('may have all members', () => {
    const request: JobRequest = {
      command: "echo '☃' 😀\nsecond line",
      nodes: ['web1', 'a/b', '..', 'ü'],
      quorum: 0,
      run_timeout: 2_147_483_647,
      user: 'a user name that is longer than 32 characters; rm -rf /',
      dir: '/tmp',
      env: { PATH: '/bin', ü: '', __proto__x: 'y' },
      file: 'raw:\u0001binary',
      capture_output: false,
    };
    expect(readText(JSON.stringify(request))).toEqual({ ok: true, value: request });
  });

  test.each<[string, string]>([
    ['a repeated node counts once, at its first position', '{"command":"x","nodes":["b","a","b"]}'],
    ['keys may be escaped', '{"\\u0063ommand":"x","nodes":["b","\\u0061"]}'],
    ['white space is ignored', ' {\n"nodes" : [ "b" , "a" ] ,\t"command":"x" }\r\n'],
  ])('%s', (_what, json) => {
    expect(readText(json)).toEqual({ ok: true, value: { command: 'x', nodes: ['b', 'a'] } });
  });

  test.each([
    ['as many names as knife counted', ['a', 'a'], 2, 1],
    ['what the distinct nodes can reach', ['a', 'a', 'b'], 2, 2],
    ['all names of a list with three duplicates', ['a', 'a', 'a', 'b', 'b'], 5, 2],
    ['more than all names: it stays out of reach', ['a', 'a', 'b'], 5, 4],
  ])('counts a repeated node once in a quorum of %s', (_what, nodes, quorum, expected) => {
    expect(readWith({ nodes, quorum })).toMatchObject({ ok: true, value: { quorum: expected } });
  });

  test('may have a quorum greater than the number of nodes, and 100,000 nodes', () => {
    const nodes = Array.from({ length: 100_000 }, (_, index) => `n${index}`);
    const read = readWith({ nodes, quorum: 200_000, env: { A: '1' } });
    expect(read).toMatchObject({ ok: true, value: { quorum: 200_000 } });
    expect(read.ok && read.value.nodes.length).toBe(100_000);
  });

  test('may have 10,000 variables with equal values in env', () => {
    const env = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`K${index}`, 'same']));
    expect(readWith({ env })).toMatchObject({ ok: true, value: { env } });
  });

  test('may have the same key in env as elsewhere', () => {
    expect(readText('{"command":"x","nodes":["a"],"env":{"command":"1","env":"2"}}').ok).toBe(true);
  });

  test('keeps a variable with the name constructor', () => {
    const read = readText('{"command":"x","nodes":["a"],"env":{"constructor":"1"}}');
    expect(read.ok && Object.entries(read.value.env!)).toEqual([['constructor', '1']]);
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
  });
});

describe('the file of a job request', () => {
  const bytes = (count: number): string => Buffer.alloc(count, 7).toString('base64');
  test.each<[string, string, string | undefined]>([
    ['raw of exactly 100,000 bytes', `raw:${'x'.repeat(100_000)}`, undefined],
    ['raw of one byte more', `raw:${'x'.repeat(100_001)}`, TOO_LARGE],
    ['raw of 50,000 characters of two bytes', `raw:${'ü'.repeat(50_000)}`, undefined],
    ['raw of 33,334 characters of three bytes', `raw:${'☃'.repeat(33_334)}`, TOO_LARGE],
    ['raw and empty', 'raw:', undefined],
    ['base64 of exactly 100,000 bytes', `base64:${bytes(100_000)}`, undefined],
    ['base64 of one byte more', `base64:${bytes(100_001)}`, TOO_LARGE],
    ['base64 and empty', 'base64:', undefined],
    ['base64 in lines', 'base64:QUJD\r\nREVG\n', undefined],
    ['base64 without its padding', 'base64:QUI', NO_BASE64],
    ['base64 with a foreign character', 'base64:QUJ*', NO_BASE64],
    ['base64 with padding in the middle', 'base64:QQ==QUJD', NO_BASE64],
    ['nearly a megabyte of base64', `base64:${'QUJD'.repeat(240_000)}`, TOO_LARGE],
    ['no prefix', 'QUJD', NO_PREFIX],
    ['an unknown prefix', 'file:/etc/passwd', NO_PREFIX],
    ['nothing', '', NO_PREFIX],
  ])('%s', (_what, file, fault) => {
    const read = readWith({ file });
    expect(read.ok ? undefined : read.error).toBe(fault);
  });
});

describe('a job request is rejected', () => {
  test.each<[string, object, string]>([
    ['without a command', { command: undefined }, 'invalid command supplied'],
    ['with a command that is not a string', { command: 1 }, 'invalid command supplied'],
    ['with a null command', { command: null }, 'invalid command supplied'],
    ['without nodes', { nodes: undefined }, NO_NODE],
    ['with no node', { nodes: [] }, NO_NODE],
    ['with nodes that are not an array', { nodes: 'web1' }, NO_NODE],
    ['with nodes that are an object', { nodes: { length: 1, 0: 'a' } }, NO_NODE],
    ['with a node that is not a string', { nodes: ['web1', 2] }, NO_NODE],
    ['with a node without a name', { nodes: [''] }, NO_NODE],
    ['with an unknown key', { comand: 'x' }, KEY],
    ['with the key constructor', { constructor: 'x' }, KEY],
    [
      'with a quorum that is not a number',
      { quorum: '1' },
      'invalid type supplied for quorum (expected a number)',
    ],
    ['with a null quorum', { quorum: null }, 'invalid type supplied for quorum (expected a number)'],
    ['with a negative quorum', { quorum: -1 }, numberOf('quorum')],
    ['with a fractional quorum', { quorum: 1.5 }, numberOf('quorum')],
    ['with a huge quorum', { quorum: 2 ** 31 }, numberOf('quorum')],
    [
      'with a run_timeout that is not a number',
      { run_timeout: [3] },
      'invalid type supplied for run_timeout (expected a number)',
    ],
    ['with a negative run_timeout', { run_timeout: -1 }, numberOf('run_timeout')],
    ['with a run_timeout of 1e12', { run_timeout: 1e12 }, numberOf('run_timeout')],
    [
      'with a capture_output that is not a boolean',
      { capture_output: 'true' },
      'invalid type supplied for capture_output (expected a boolean)',
    ],
    ['with a user that is not a string', { user: 0 }, OTHER],
    ['with a null dir', { dir: null }, OTHER],
    ['with an env that is an array', { env: ['A=1'] }, OTHER],
    ['with a null env', { env: null }, OTHER],
    ['with a number in env', { env: { A: 1 } }, OTHER],
    [
      'with = in a name of env',
      { env: { 'A=B': '1' } },
      "invalid environment name (must not be empty or contain '=')",
    ],
    [
      'with an empty name in env',
      { env: { '': '1' } },
      "invalid environment name (must not be empty or contain '=')",
    ],
    ['with a file that is not a string', { file: {} }, OTHER],
    [
      'with a node name of 1,025 bytes',
      { nodes: ['x'.repeat(1_025)] },
      'invalid node name supplied (must be at most 1024 bytes)',
    ],
    ['with NUL in the command', { command: 'a\0b' }, NOT_STORABLE],
    ['with NUL in a node', { nodes: ['web1', 'a\0'] }, NOT_STORABLE],
    ['with NUL in the user', { user: '\0' }, NOT_STORABLE],
    ['with NUL in the dir', { dir: '/\0' }, NOT_STORABLE],
    ['with NUL in the file', { file: 'raw:\0' }, NOT_STORABLE],
    ['with NUL in a name of env', { env: { 'A\0': '1' } }, NOT_STORABLE],
    ['with NUL in a value of env', { env: { A: '\0' } }, NOT_STORABLE],
    ['with an unpaired surrogate', { command: '\ud83d' }, NOT_STORABLE],
  ])('%s', (_what, over, error) => {
    expect(readWith(over)).toEqual({ ok: false, error });
  });

  test.each<[string, string, string]>([
    ['that is an array', '[]', OTHER],
    ['that is a string', '"x"', OTHER],
    ['that is null', 'null', OTHER],
    ['that is a number', '1', OTHER],
    ['that is not JSON', '{"command"', 'the body is not valid JSON'],
    ['with a quorum of NaN', '{"command":"x","nodes":["a"],"quorum":NaN}', 'the body is not valid JSON'],
    ['with a quorum of 1e309', '{"command":"x","nodes":["a"],"quorum":1e309}', numberOf('quorum')],
    ['with the key __proto__', '{"command":"x","nodes":["a"],"__proto__":{}}', KEY],
    ['with a key twice in env', '{"command":"x","nodes":["a"],"env":{"A":"1","B":"2","A":"1"}}', ENV_TWICE],
    [
      'with a key in env in two spellings',
      '{"command":"x","nodes":["a"],"env":{"A":"1","\\u0041":"2"}}',
      ENV_TWICE,
    ],
    [
      'with an env whose name is escaped',
      '{"command":"x","nodes":["a"],"\\u0065nv":{"A":"1","A":"2"}}',
      ENV_TWICE,
    ],
    [
      'with a fault in the first of two envs',
      '{"env":{"A":"1","A":"2"},"command":"x","nodes":["a"],"env":{}}',
      ENV_TWICE,
    ],
    ['with braces inside texts', '{"command":"}{","nodes":["\\"]["],"env":{"A":"}","A":"{"}}', ENV_TWICE],
  ])('%s', (_what, json, error) => {
    expect(readText(json)).toEqual({ ok: false, error });
  });

  test('without a body', () => {
    expect(readText('')).toMatchObject({ ok: false, error: expect.stringContaining('empty') as string });
  });

  test.each([
    ['a lone byte', Buffer.from([0x22, 0xff, 0x22])],
    ['an overlong form', Buffer.from([0x22, 0xc0, 0x80, 0x22])],
    ['a truncated character at the end', Buffer.from([0xe2, 0x98])],
    ['UTF-16', Buffer.from('{"command":"x"}', 'utf16le').fill(0xfe, 0, 1)],
  ])('with %s', (_what, bytes) => {
    expect(parseJobRequest(bytes)).toMatchObject({
      ok: false,
      error: expect.stringContaining('UTF-8') as string,
    });
  });

  test.each(['file', 'user', 'command', 'nodes', 'env'])('with %s nested 100,000 deep', (key) => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const members = { command: '"x"', nodes: '["a"]', env: '{"A":"1"}', [key]: deep };
    const json = `{${Object.entries(members)
      .map(([name, value]) => `"${name}":${value}`)
      .join(',')}}`;
    expect(readText(json).ok).toBe(false);
  });

  test('with deep nesting in a member that a later one replaces', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const json = `{"command":"x","nodes":["a"],"file":${deep},"file":"raw:","env":{"A":"1","A":"2"}}`;
    expect(readText(json)).toEqual({ ok: false, error: ENV_TWICE });
  });
});

describe('any body', () => {
  test('is parsed or rejected with a text, and never throws', () => {
    const parseOrReject = (bytes: Uint8Array): void => {
      const read = parseJobRequest(bytes);
      if (!read.ok) expect(read.error).not.toBe('');
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), parseOrReject));
    fc.assert(fc.property(fc.json({ maxDepth: 4 }), (json) => parseOrReject(Buffer.from(json))));
    const members = fc.dictionary(
      fc.constantFrom(
        'command',
        'nodes',
        'quorum',
        'env',
        'file',
        'user',
        'dir',
        'capture_output',
        '__proto__',
      ),
      fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.array(fc.string())),
    );
    fc.assert(
      fc.property(members, (over) => parseOrReject(Buffer.from(JSON.stringify({ ...MINIMAL, ...over })))),
      { numRuns: 500 },
    );
  });

  test('with a duplicate key in env is rejected, also if the key is escaped', () => {
    const escaped = (name: string): string =>
      Array.from(name, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
    const name = fc.stringMatching(/^[a-z{}[\]":,]{1,8}$/);
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { minLength: 1, maxLength: 8 }),
        fc.nat(),
        fc.boolean(),
        (names, index, twice) => {
          const keys = names.map((each) => JSON.stringify(each));
          if (twice) keys.push(`"${escaped(names[index % names.length]!)}"`);
          const json = `{"command":"x","nodes":["a"],"env":{${keys.map((key) => `${key}:"1"`).join(',')}}}`;
          expect(readText(json).ok).toBe(!twice);
        },
      ),
    );
  });
});
