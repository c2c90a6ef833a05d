import type { Clock } from '../../lib/clock.js';
import type { Result } from '../../lib/result.js';
import { signRequest, type Signer } from '../../protocol/chef-signature/sign-request.js';
import type { HttpClient } from './http-client.js';
import type { HttpFault, HttpRequest, HttpResponse, HttpStream } from './http-exchange.js';

const NO_BODY = new Uint8Array();

/**
 * Sends requests with Chef's signed headers in the name of one user or client.
 * See docs/spec/rest-api.md, "Authentication".
 */
export class SignedHttp {
  /** Signatures of requests without a body that are valid for the current second, by method and path. */
  private readonly signatures = new Map<string, Readonly<Record<string, string>>>();
  private signatureSecond = 0;

  constructor(
    private readonly http: HttpClient,
    private readonly signer: Signer,
    private readonly clock: Clock,
  ) {}

  /** Signs and sends a request and reads the complete response, whatever its status. */
  send(request: HttpRequest): Promise<Result<HttpResponse, HttpFault>> {
    return this.http.send(this.sign(request));
  }

  /** Signs and sends a request and returns the response with its body as a stream. */
  open(request: HttpRequest): Promise<Result<HttpStream, HttpFault>> {
    return this.http.open(this.sign(request));
  }

  private sign(request: HttpRequest): HttpRequest {
    const { pathname } = new URL(request.url);
    const signed =
      request.body === undefined
        ? this.signatureOf(request.method, pathname)
        : signRequest(
            this.signer,
            { method: request.method, path: pathname, body: request.body },
            this.clock.now(),
          );
    return { ...request, headers: { Accept: 'application/json', ...request.headers, ...signed } };
  }

  /** Signing is the most expensive step of a small request, and signatures have a resolution of one second. */
  private signatureOf(method: string, path: string): Readonly<Record<string, string>> {
    const now = this.clock.now();
    const second = Math.floor(now / 1000);
    if (second !== this.signatureSecond) {
      this.signatures.clear();
      this.signatureSecond = second;
    }
    const key = `${method} ${path}`;
    const signed = this.signatures.get(key) ?? signRequest(this.signer, { method, path, body: NO_BODY }, now);
    this.signatures.set(key, signed);
    return signed;
  }
}
