import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers one connection of a script. */
export type ScriptStep = (response: ServerResponse, request: IncomingMessage) => void;

/** A test double of an HTTP server that answers the first request by the first step of its script, and so on. */
export interface ScriptedHttpServer {
  readonly url: string;
  /** The requests so far. */
  readonly requests: readonly IncomingMessage[];
  close(): Promise<void>;
}

/** Starts it on a free port; the last step answers all later requests too. Close it at the end. */
export const startScriptedHttpServer = async (...steps: ScriptStep[]): Promise<ScriptedHttpServer> => {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    steps[Math.min(requests.length, steps.length) - 1]!(response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/feed`,
    requests,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
};
