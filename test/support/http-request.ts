import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request that goes out as it is: nothing is added to it but `Host` and a length. */
export interface PlainRequest {
  readonly method?: string;
  /** The target as it is sent. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Uint8Array;
}

export interface PlainAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The text as JSON; undefined where it is empty or of another type. */
  readonly json: unknown;
}

/** Sends a request on a connection of its own and reads the whole answer. */
export const sendHttp = async (
  baseUrl: string,
  { method = 'GET', path, headers = {}, body }: PlainRequest,
): Promise<PlainAnswer> => {
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
  // A server that refuses a large body may end the connection while it is still being sent.
  const answered = once(sent, 'response') as Promise<[import('node:http').IncomingMessage]>;
  sent.end(body);
  const [response] = await answered;
  const content = await text(response);
  const isJson = content !== '' && response.headers['content-type']?.startsWith('application/json') === true;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: content,
    json: isJson ? JSON.parse(content) : undefined,
  };
};

/** Sends bytes on a connection and gives all that comes back until the server ends it. */
export const sendBytes = async (baseUrl: string, ...parts: string[]): Promise<string> => {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect(Number(port), hostname);
  for (const part of parts) socket.write(part);
  return text(socket);
};
