import { afterAll, beforeAll } from 'vitest';
import { BuiltCli } from './built-cli.js';
import { CliUnderTest } from './cli-under-test.js';
import { ORG, type ServerUnderTest } from './server-under-test.js';

/** A workstation with the built `push-jobs` and the credentials of `alice`. */
export interface Workstation {
  readonly home: string;
  readonly cwd: string;
  /** Starts the program, on a terminal of this width or with pipes. */
  readonly start: (args: readonly string[], columns?: number) => BuiltCli;
  /** Runs the program to its end. */
  readonly run: (args: readonly string[], columns?: number) => ReturnType<BuiltCli['outcome']>;
}

/** Sets up a workstation of this server, which it reaches through the development Chef Server; removes it at the end. */
export const useWorkstation = (server: ServerUnderTest): Workstation => {
  const cli = new CliUnderTest();
  beforeAll(() => {
    server.chef.pushyUrl = server.url('');
    cli.writeCredentials(`${server.chef.url}/organizations/${ORG}`, 'alice', server.userPem);
  });
  afterAll(() => cli.remove());
  const { home, cwd } = cli;
  const start: Workstation['start'] = (args, columns) =>
    BuiltCli.start(args, { home, cwd, ...(columns === undefined ? {} : { columns }) });
  return { home, cwd, start, run: (args, columns) => start(args, columns).outcome() };
};
