import { describe, expect, it } from 'vitest';
import { sendSigned } from '../../support/signed-sender.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

const JOBS = `/organizations/${ORG}/pushy/jobs`;
const GOOD = { command: 'chef-client', nodes: ['web1'] };

const server = useServer();

const postBytes = (body: string | Uint8Array) =>
  sendSigned(
    server.url(''),
    { user: 'alice', key: server.userKey },
    { method: 'POST', path: JOBS, body: body, headers: { 'Content-Type': 'application/json' } },
  );
const post = (change: object) => postBytes(JSON.stringify({ ...GOOD, ...change }));

const UNKNOWN = 'an unknown validation error has occurred';
const NO_COMMAND = 'invalid command supplied';
const NO_NODES = 'at least one node must be supplied';
const BAD_BASE64 = "invalid file contents (couldn't decode base64 string)";
const CLEAR = expect.stringMatching(/^(?!an unknown).{10,}/) as string;

/** Bodies that are rejected as a whole. See docs/spec/rest-api.md, "POST jobs". */
const BODIES: readonly (readonly [what: string, body: string | Uint8Array, error: unknown])[] = [
  ['empty', '', CLEAR],
  ['not JSON', '{"command":', CLEAR],
  ['not UTF-8', Buffer.from('{"command":"\xff"}', 'latin1'), CLEAR],
  ['a list', '[]', UNKNOWN],
  ['a text', '"chef-client"', UNKNOWN],
  ['null', 'null', UNKNOWN],
  ['nested 10,000 deep', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, UNKNOWN],
  ['a key of __proto__', '{"command":"a","nodes":["b"],"__proto__":{}}', 'invalid key supplied'],
  ['a number that JSON cannot hold', '{"command":"a","nodes":["b"],"quorum":1e309}', CLEAR],
  ['the number NaN', '{"command":"a","nodes":["b"],"quorum":NaN}', CLEAR],
  [
    'the same env key twice',
    '{"command":"a","nodes":["b"],"env":{"A":"1","A":"1"}}',
    'invalid environment value (duplicate key)',
  ],
  ['a member twice', '{"command":"a","nodes":["b"],"command":"c"}', 'invalid key supplied (duplicate key)'],
  [
    'a member twice, once escaped',
    '{"command":"a","nodes":["b"],"\\u0063ommand":"c"}',
    'invalid key supplied (duplicate key)',
  ],
  [
    'an env key of __proto__',
    '{"command":"a","nodes":["b"],"env":{"__proto__":"1"}}',
    'invalid environment name (must not be __proto__)',
  ],
  [
    'the same env key twice, once escaped',
    '{"command":"a","nodes":["b"],"env":{"A":"1","\\u0041":"2"}}',
    'invalid environment value (duplicate key)',
  ],
];

/** Changes that make a valid job request invalid, and the error text. */
const MEMBERS: readonly (readonly [change: object, error: unknown])[] = [
  [{ command: undefined }, NO_COMMAND],
  [{ command: 7 }, NO_COMMAND],
  [{ command: 'a\0b' }, CLEAR],
  [{ nodes: undefined }, NO_NODES],
  [{ nodes: [] }, NO_NODES],
  [{ nodes: 'web1' }, NO_NODES],
  [{ nodes: [1] }, NO_NODES],
  [{ nodes: ['a\0b'] }, CLEAR],
  [{ colour: 'blue' }, 'invalid key supplied'],
  [{ quorum: '1' }, 'invalid type supplied for quorum (expected a number)'],
  [{ quorum: null }, 'invalid type supplied for quorum (expected a number)'],
  [{ quorum: -1 }, CLEAR],
  [{ quorum: 1.5 }, CLEAR],
  [{ quorum: 2 ** 31 }, CLEAR],
  [{ run_timeout: '60' }, 'invalid type supplied for run_timeout (expected a number)'],
  [{ run_timeout: -1 }, CLEAR],
  [{ run_timeout: 0.5 }, CLEAR],
  [{ run_timeout: 1e12 }, CLEAR],
  [{ capture_output: 'yes' }, 'invalid type supplied for capture_output (expected a boolean)'],
  [{ file: 'hello' }, "invalid file contents (expected 'base64:...' or 'raw:...')"],
  [{ file: 'base64:a' }, BAD_BASE64],
  [{ file: 'base64:###' }, BAD_BASE64],
  [{ file: `raw:${'x'.repeat(100_001)}` }, 'invalid file size (must be <= 100000 bytes)'],
  [
    { file: `base64:${Buffer.alloc(100_001).toString('base64')}` },
    'invalid file size (must be <= 100000 bytes)',
  ],
  [{ file: 7 }, UNKNOWN],
  [{ user: 7 }, UNKNOWN],
  [{ dir: ['/'] }, UNKNOWN],
  [{ env: 'A=1' }, UNKNOWN],
  [{ env: { A: 1 } }, UNKNOWN],
  [{ env: { 'A=B': '1' } }, CLEAR],
  [{ env: { A: '\0' } }, CLEAR],
];

/** Unusual changes that leave the job request valid. */
const ACCEPTED: readonly (readonly [what: string, change: object])[] = [
  ['an empty command', { command: '' }],
  ['a command of many lines', { command: 'one\ntwo\u{1F600}' }],
  ['a quorum of 0', { quorum: 0 }],
  ['the largest numbers', { quorum: 2 ** 31 - 1, run_timeout: 2 ** 31 - 1 }],
  ['a run_timeout of 0', { run_timeout: 0 }],
  ['an empty file', { file: 'raw:' }],
  ['a file of exactly 100,000 bytes', { file: `raw:${'x'.repeat(100_000)}` }],
  [
    'a file of exactly 100,000 bytes in base64',
    { file: `base64:${Buffer.alloc(100_000).toString('base64')}` },
  ],
  ['a user name of 100 characters', { user: 'u'.repeat(100) }],
  ['a node name of 1,000 characters', { nodes: ['n'.repeat(1000)] }],
  ['a node name that means something in a path', { nodes: ['../a/b'] }],
  [
    '1,000 environment variables',
    { env: Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`E${n}`, 'x'])) },
  ],
];

describe('a job request', () => {
  it.each(BODIES)('with a body that is %s is rejected', async (_what, body, error) => {
    const { status, json } = await postBytes(body);
    expect({ status, json }).toEqual({ status: 400, json: { error } });
  });

  it.each(MEMBERS)('with %j is rejected', async (change, error) => {
    const { status, json } = await post(change);
    expect({ status, json }).toEqual({ status: 400, json: { error } });
  });

  it('stores nothing if it is rejected', async () => {
    expect((await server.get('jobs')).body).toEqual([]);
    expect(await server.database.sql('SELECT count(*)::int FROM jobs')).toEqual([{ count: 0 }]);
  });

  it('with a byte order mark before the JSON starts a job', async () => {
    const { status } = await postBytes(`\uFEFF${JSON.stringify(GOOD)}`);
    expect(status).toBe(201);
  });

  it('with a byte order mark elsewhere is rejected', async () => {
    expect((await postBytes(`\uFEFF\uFEFF${JSON.stringify(GOOD)}`)).status).toBe(400);
  });

  it('with a quorum of -0 has a quorum of 0', async () => {
    const started = await postBytes('{"command":"a","nodes":["b"],"quorum":-0}');
    const id = (started.json as { uri: string }).uri.slice(-32);
    expect((await server.get(`jobs/${id}?details=true`)).body).toMatchObject({ details: { quorum: 0 } });
    const dryRun = await postBytes('{"command":"a","nodes":["b"],"quorum":-0,"dry_run":true}');
    expect(dryRun.json).toMatchObject({ quorum: 0, quorum_reached: true });
  });

  it('with names of members as values starts a job', async () => {
    const change = { nodes: ['nodes', 'command'], env: { command: 'env', 'a"env"': '\u2028' }, user: 'user' };
    expect((await post(change)).status).toBe(201);
  });

  it.each(ACCEPTED)('with %s starts a job', async (_what, change) => {
    const { status, json } = await post(change);
    expect({ status, json }).toEqual({ status: 201, json: { uri: expect.any(String) as string } });
    const [file, others] = 'file' in change ? [change.file, {}] : [undefined, change];
    const id = (json as { uri: string }).uri.slice(-32);
    const { quorum: _hidden, nodes: _byStatus, ...members } = others as Record<string, unknown>;
    const query = file === undefined ? '' : '?include_file=true';
    expect((await server.get(`jobs/${id}${query}`)).body).toMatchObject({
      ...members,
      ...(file === undefined ? {} : { file }),
    });
  });
});
