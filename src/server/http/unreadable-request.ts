import type { Socket } from 'node:net';

/** Responses to what Node.js cannot read as HTTP, by its error code; any other code is a bad request. */
const RESPONSES: Readonly<Record<string, readonly [status: string, text: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request did not come in time'],
};
const BAD_REQUEST = ['400 Bad Request', 'this is not an HTTP request that can be read'] as const;

/** Responds on a connection that received no readable request, and closes it. */
export const rejectUnreadableRequest = (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, text] = RESPONSES[error.code ?? ''] ?? BAD_REQUEST;
  const body = JSON.stringify({ error: [text] });
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
};
