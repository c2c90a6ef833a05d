import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConfigDocument } from '../../src/shared/protocol/config-document.js';
import type { NodeNetwork } from './node-network.js';

/** A proxy for the config requests of a real client: its config leads through this network, and fails with it. */
export class ConfigProxy {
  private constructor(private readonly listener: Server) {}

  static async start(network: NodeNetwork, apiPort: number): Promise<ConfigProxy> {
    const listener = createServer((incoming, response) => {
      network
        .fetch(() => forward(incoming, apiPort))
        .then(
          (document) => answer(response, document),
          () => response.destroy(),
        );
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new ConfigProxy(listener);
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.listener.closeAllConnections();
    this.listener.close();
    await once(this.listener, 'close');
  }
}

const answer = (response: ServerResponse, document: ConfigDocument): void => {
  response.setHeader('Content-Type', 'application/json').end(JSON.stringify(document));
};

/** Sends a request with the same headers to the server; rejects if the answer is not 200. */
const forward = async ({ url, headers }: IncomingMessage, apiPort: number): Promise<ConfigDocument> => {
  const outgoing = request({
    host: '127.0.0.1',
    port: apiPort,
    path: url,
    headers: { ...headers, connection: 'close' },
    agent: false,
  });
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks = await incoming.setEncoding('utf8').toArray();
  if (incoming.statusCode !== 200) throw new Error(`the server answered ${incoming.statusCode}`);
  return JSON.parse(chunks.join('')) as ConfigDocument;
};
