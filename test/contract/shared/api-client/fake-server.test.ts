import { generateKeyPairSync } from 'node:crypto';
import { startFakePushyServer } from '../../../support/fake-pushy-server.js';
import { describeApiClient } from './api-client-contract.js';

describeApiClient('the double of a server', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const server = await startFakePushyServer('alice', publicKey, {
    good: { stdout: 'hello\n' },
    bad: 'fails',
  });
  return {
    options: { serverUrl: server.url, user: 'alice', key: privateKey },
    close: () => server.close(),
  };
});
