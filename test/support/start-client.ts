import { createPrivateKey } from 'node:crypto';
import { ClientUnderTest } from './client-under-test.js';
import { ORG, type ServerUnderTest } from './server-under-test.js';

/** Starts a client for a new node of this server and waits until the node is available. The caller stops it. */
export const startClient = async (
  server: ServerUnderTest,
  node: string,
  settings: string,
): Promise<ClientUnderTest> => {
  const { key } = await server.createIdentity(node);
  const client = new ClientUnderTest({
    serverUrl: server.url(`/organizations/${ORG}`),
    node,
    key: createPrivateKey(key),
    settings,
  });
  await server.nodeBecomes(node, 'available', { withinMs: 40_000 });
  return client;
};
