import { answerCommands } from '../../../support/answer-commands.js';
import { ORG, ServerUnderTest } from '../../../support/server-under-test.js';
import { describeApiClient } from './api-client-contract.js';

describeApiClient('the server', async () => {
  const server = await ServerUnderTest.start();
  const stops = [
    answerCommands(await server.availableNode('good'), 'succeeded', { stdout: 'hello\n', stderr: '' }),
    answerCommands(await server.availableNode('bad'), 'failed', { stdout: '', stderr: '' }),
  ];
  return {
    options: { serverUrl: server.url(`/organizations/${ORG}`), user: 'alice', key: server.userKey },
    close: async () => {
      for (const stop of stops) stop();
      await server.close();
    },
  };
});
