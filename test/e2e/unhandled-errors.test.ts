import { afterAll, beforeAll, expect, it } from 'vitest';
import { ServerProcess } from '../support/server-process.js';
import { createSurroundings, type Surroundings } from '../support/server-surroundings.js';

/** Adds a bug to the program: each of two signals, which the server itself does not use, causes an error. */
const BUGS = [
  "process.on('SIGWINCH', () => { throw new TypeError('an injected bug'); });",
  "process.on('SIGCONT', () => { Promise.reject(new TypeError('an injected bug')); });",
].join('');

let surroundings: Surroundings;

beforeAll(async () => {
  surroundings = await createSurroundings({});
});

afterAll(async () => {
  await surroundings.chef.stop();
  await surroundings.database.drop();
});

it.each([
  ['uncaughtException', 'SIGWINCH'],
  ['unhandledRejection', 'SIGCONT'],
] as const)('a bug ends the server with 70 and a log line: %s', async (origin, signal) => {
  const { config, secrets } = surroundings;
  const server = await ServerProcess.start(config, secrets, undefined, [
    '--import',
    `data:text/javascript,${BUGS}`,
  ]);
  process.kill(server.pid, signal);
  expect(await server.exit).toBe(70);
  expect(server.logged).toContainEqual(
    expect.objectContaining({
      level: 'fatal',
      origin,
      reason: 'an injected bug',
      stack: expect.stringContaining('data:text/javascript') as string,
    }),
  );
});
