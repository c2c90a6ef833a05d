import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { KeyObject } from 'node:crypto';

/** Returns the path of a Ruby program of these tests. */
export const rubyProgram = (name: string): string =>
  fileURLToPath(new URL(`../ruby/${name}`, import.meta.url));

/** Runs a Ruby program with JSON as input and returns its JSON output; throws with its stderr if it fails. */
const runRuby = async (program: string, input: object): Promise<unknown> => {
  const child = spawn('ruby', [rubyProgram(program)], { stdio: 'pipe' });
  child.stdin.end(JSON.stringify(input));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (child.exitCode !== 0) throw new Error(`${program} ended with ${String(child.exitCode)}: ${stderr}`);
  return JSON.parse(stdout);
};

/** A request for Ruby to sign. */
export interface RubyRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array;
  readonly user: string;
  readonly key: KeyObject;
  /** A signing version of mixlib-authentication. */
  readonly version: '1.0' | '1.1' | '1.3';
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Without it the request has no such header. */
  readonly serverApiVersion?: string;
}

/** Signs a request with mixlib-authentication, the library of Chef's own tools; returns the headers. */
export const rubySign = async (request: RubyRequest): Promise<Record<string, string>> =>
  (await runRuby('sign_request.rb', {
    method: request.method,
    path: request.path,
    body: Buffer.from(request.body).toString('base64'),
    user: request.user,
    key: request.key.export({ type: 'pkcs1', format: 'pem' }),
    version: request.version,
    timestamp: new Date(request.now).toISOString(),
    server_api_version: request.serverApiVersion,
  })) as Record<string, string>;

/** A signed request for Ruby to verify, with the clock of this machine. */
export interface RubyReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly publicKey: KeyObject;
}

/** Whether mixlib-authentication accepts a signed request. */
export const rubyAccepts = async (request: RubyReceivedRequest): Promise<boolean> => {
  const { accepted } = (await runRuby('verify_request.rb', {
    method: request.method,
    path: request.path,
    body: Buffer.from(request.body).toString('base64'),
    headers: request.headers,
    public_key: request.publicKey.export({ type: 'spki', format: 'pem' }),
  })) as { accepted: boolean };
  return accepted;
};
