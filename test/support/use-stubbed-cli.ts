import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { CliUnderTest } from './cli-under-test.js';
import { StubPushyServer } from './stub-pushy-server.js';

/** The program and a stub of its server. */
export interface StubbedCli {
  readonly cli: CliUnderTest;
  readonly server: StubPushyServer;
  /** Private key of the user `alice`, PEM. */
  readonly pem: string;
}

/** Sets up the program with the credentials of `alice` on a stub of a server, which is reset before each test. */
export const useStubbedCli = (): StubbedCli => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const server = new StubPushyServer('alice', publicKey);
  const cli = new CliUnderTest();
  beforeAll(async () => {
    await server.listen();
    cli.writeCredentials(server.url, 'alice', pem);
  });
  beforeEach(() => server.reset());
  afterAll(async () => {
    cli.remove();
    await server.close();
  });
  return { cli, server, pem };
};
