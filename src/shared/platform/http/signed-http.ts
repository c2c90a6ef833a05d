import type { Clock } from '../../lib/clock.js';
import type { Result } from '../../lib/result.js';
import { signRequest, type Signer } from '../../protocol/chef-signature/sign-request.js';
import type { HttpClient } from './http-client.js';
import type { HttpFault, HttpRequest, HttpResponse, HttpStream } from './http-exchange.js';

const NO_BODY = new Uint8Array();

/** Requests with Chef's signed headers (REST API, "Authentication"), in the name of one user or client. */
export class SignedHttp {
  /** The signatures of the second that runs, by path, of requests without a body. */
  private readonly signatures = new Map<string, Readonly<Record<string, string>>>();
  private secondOfSignatures = 0;

  constructor(
    private readonly http: HttpClient,
    private readonly signer: Signer,
    private readonly clock: Clock,
  ) {}

  /** Signs and sends a request and reads the whole answer, whatever its status. */
  send(request: HttpRequest): Promise<Result<HttpResponse, HttpFault>> {
    return this.http.send(this.sign(request));
  }

  /** Signs and sends a request and hands out the answer's body as it comes. */
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

  /** Signing costs more than all else of a small request, and says the same for the whole of a second. */
  private signatureOf(method: string, path: string): Readonly<Record<string, string>> {
    const now = this.clock.now();
    const second = Math.floor(now / 1000);
    if (second !== this.secondOfSignatures) {
      this.signatures.clear();
      this.secondOfSignatures = second;
    }
    const name = `${method} ${path}`;
    const signed =
      this.signatures.get(name) ?? signRequest(this.signer, { method, path, body: NO_BODY }, now);
    this.signatures.set(name, signed);
    return signed;
  }
}
