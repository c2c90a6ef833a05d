import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Handles one request of a script. */
export type ScriptStep = (response: ServerResponse, request: IncomingMessage) => void;

/** A test double of an HTTP server: the first step of its script handles the first request, and so on. */
export interface ScriptedHttpServer {
  readonly url: string;
  /** All requests so far. */
  readonly requests: readonly IncomingMessage[];
  close(): Promise<void>;
}

/** Starts one on a free port; the last step also handles all later requests. Close it at the end. */
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
