import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request that is sent unchanged: only `Host` and `Content-Length` are added. */
export interface PlainRequest {
  readonly method?: string;
  /** The request target as sent. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Uint8Array;
}

export interface PlainResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed text; undefined if it is empty or not JSON. */
  readonly json: unknown;
}

/** Sends a request on a new connection and reads the whole response. */
export const sendHttp = async (
  baseUrl: string,
  { method = 'GET', path, headers = {}, body }: PlainRequest,
): Promise<PlainResponse> => {
  const { hostname, port } = new URL(baseUrl);
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  const sent = request({
    hostname,
    port,
    method,
    path,
    headers: { ...length, ...headers },
    agent: false,
  });
  // Listen before sending: a server that rejects a large body may end the connection while we still send.
  const responded = once(sent, 'response') as Promise<[import('node:http').IncomingMessage]>;
  sent.end(body);
  const [response] = await responded;
  const content = await text(response);
  const isJson = content !== '' && response.headers['content-type']?.startsWith('application/json') === true;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: content,
    json: isJson ? JSON.parse(content) : undefined,
  };
};

/** Sends bytes on a new connection and returns everything until the server closes it. */
export const sendBytes = async (baseUrl: string, ...parts: string[]): Promise<string> => {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect(Number(port), hostname);
  for (const part of parts) socket.write(part);
  return text(socket);
};
