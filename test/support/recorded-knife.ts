import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { SignatureVersion } from '../../src/shared/protocol/chef-signature/canonical-request.js';
import { signRequest } from '../../src/shared/protocol/chef-signature/sign-request.js';

const FIXTURE = new URL('../fixtures/signed-requests.json', import.meta.url);

const recordingSchema = z.object({
  label: z.string(),
  method: z.string(),
  path: z.string(),
  headers: z.array(z.tuple([z.string(), z.string()])),
  body: z.string(),
});

type Recording = z.infer<typeof recordingSchema>;

/** A response as knife receives it. */
export interface KnifeResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: Buffer;
}

/** What to change in a recorded request. */
export interface RequestChanges {
  /** Replaces the recorded path. */
  readonly path?: string;
  /** Replaces the recorded body. */
  readonly body?: string;
}

/**
 * Repeats recorded requests of a real knife: the same headers in the same order and spelling, the same body, with a new
 * signature by a key that the server knows.
 */
export class RecordedKnife {
  private readonly recordings = z
    .object({ requests: z.array(recordingSchema) })
    .parse(JSON.parse(readFileSync(FIXTURE, 'utf8'))).requests;

  constructor(
    private readonly baseUrl: string,
    private readonly key: KeyObject,
    private readonly version: SignatureVersion,
  ) {}

  /** Returns the first recorded request with this label and method. */
  recorded(label: string, method: 'GET' | 'POST'): Recording {
    const found = this.recordings.find((one) => one.label === label && one.method === method);
    if (found === undefined) throw new Error(`no recorded ${method} request has the label '${label}'`);
    return found;
  }

  /** Sends a recorded request again. */
  async replay(label: string, method: 'GET' | 'POST', changes: RequestChanges = {}): Promise<KnifeResponse> {
    const recording = this.recorded(label, method);
    const path = changes.path ?? recording.path;
    const body = changes.body ?? recording.body;
    const { hostname, port, host } = new URL(this.baseUrl);
    const sent = request({
      hostname,
      port,
      method,
      path,
      headers: this.headers(recording, path, body, host).flat(),
      agent: false,
    });
    const responded = once(sent, 'response') as Promise<[IncomingMessage]>;
    sent.end(body);
    const [response] = await responded;
    return { status: response.statusCode!, headers: response.headers, bytes: await buffer(response) };
  }

  /** The recorded headers in their order and spelling, with the values of the new signature. */
  private headers(recording: Recording, path: string, body: string, host: string): [string, string][] {
    const find = (name: string) =>
      recording.headers.find(([recorded]) => recorded.toLowerCase() === name.toLowerCase())?.[1];
    const signed = signRequest(
      {
        userId: find('X-Ops-UserId')!,
        key: this.key,
        version: this.version,
        serverApiVersion: find('X-Ops-Server-API-Version')!,
      },
      { method: recording.method, path, body: Buffer.from(body) },
      Date.now(),
    );
    const current = new Map(Object.entries(signed).map(([name, value]) => [name.toLowerCase(), value]));
    current.set('host', host).set('content-length', String(Buffer.byteLength(body)));
    return recording.headers.map(([name, value]) => [name, current.get(name.toLowerCase()) ?? value]);
  }
}
