import { afterAll, beforeAll } from 'vitest';
import type { ServerConfig } from '../../src/server/config/server-config.js';
import { ServerProcess } from './server-process.js';
import { type ServerLauncher, ServerUnderTest } from './server-under-test.js';

/**
 * Opens a server before the tests of this file or `describe` block, and closes it after them. The server is usable in
 * tests and in later `beforeAll` hooks.
 */
export const useServer = (settings?: Partial<ServerConfig>, launch?: ServerLauncher): ServerUnderTest => {
  const server = new ServerUnderTest(settings, launch);
  beforeAll(() => server.open());
  afterAll(() => server.close());
  return server;
};

/** A server under test that is a process. */
export interface ServerWithProcess {
  readonly server: ServerUnderTest;
  /** The latest process: a restart replaces it. */
  readonly process: ServerProcess;
}

/** Like `useServer`, but the server is the built program in its own process. */
export const useServerProcess = (settings?: Partial<ServerConfig>): ServerWithProcess => {
  let latest: ServerProcess | undefined;
  const server = useServer(settings, async (config, secrets) => {
    latest = await ServerProcess.start(config, secrets);
    return latest;
  });
  return {
    server,
    get process() {
      if (latest === undefined) throw new Error('the server process is not started yet');
      return latest;
    },
  };
};
