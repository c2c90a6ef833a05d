import { z } from 'zod';
import { err, ok, type Result } from '../lib/result.js';
import {
  explainRedirect,
  type HttpFault,
  type HttpResponse,
  type ResponseHeaders,
} from '../platform/http/http-exchange.js';
import type { SignedHttp } from '../platform/http/signed-http.js';
import { errorSchema } from '../protocol/rest-schemas.js';
import { ApiError, errorOfResponse } from './api-error.js';
import { jsonOrUndefined } from '../lib/json.js';

/** One call; `path` is relative to the organization, like `pushy/jobs`, and can have a query. */
export interface RestCall {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Lists of all jobs and captured output can be large. */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

/** A path segment that URL parsers resolve, even if it is encoded. */
const DOT_SEGMENT = /(?:^|\/)(\.{1,2})(?=[/?]|$)/;

/** Calls the REST API of one organization and validates the responses. */
export class RestCaller {
  constructor(
    readonly http: SignedHttp,
    /** `https://HOST/organizations/ORG`, without a slash at the end. */
    readonly organizationUrl: string,
  ) {}

  /** The absolute URL of a path below the organization. */
  url(path: string): string {
    return `${this.organizationUrl}/${path}`;
  }

  /** Sends a request and validates the response body. */
  async json<Schema extends z.ZodType>(
    schema: Schema,
    call: RestCall,
  ): Promise<Result<z.infer<Schema>, ApiError>> {
    const response = await this.bytes(call);
    return response.ok ? parseAs(schema, this.url(call.path), response.value) : response;
  }

  /** Sends a request and returns the bytes of the response. */
  async bytes(call: RestCall): Promise<Result<Buffer, ApiError>> {
    const response = await this.request(call);
    return response.ok ? ok(response.value.body) : response;
  }

  /** Sends a request, validates the response body, and returns it with the headers. */
  async jsonWithHeaders<Schema extends z.ZodType>(
    schema: Schema,
    call: RestCall,
  ): Promise<Result<{ readonly body: z.infer<Schema>; readonly headers: ResponseHeaders }, ApiError>> {
    const response = await this.request(call);
    if (!response.ok) return response;
    const body = parseAs(schema, this.url(call.path), response.value.body);
    return body.ok ? ok({ body: body.value, headers: response.value.headers }) : body;
  }

  private async request(call: RestCall): Promise<Result<HttpResponse, ApiError>> {
    const url = this.url(call.path);
    const name = DOT_SEGMENT.exec(call.path)?.[1];
    if (name !== undefined) {
      const fault = `cannot request '${name}': a URL cannot contain this name`;
      return err(new ApiError('not_found', fault));
    }
    const response = await this.http.send({
      method: call.method ?? 'GET',
      url,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_RESPONSE_BYTES,
      headers: {
        ...call.headers,
        Accept: call.accept ?? 'application/json',
        ...(call.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: Buffer.from(JSON.stringify(call.body)) }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    if (!response.ok) return err(errorOfFault(response.error));
    const { status, body } = response.value;
    if (status >= 200 && status < 300) return ok(response.value);
    const redirect = explainRedirect(response.value, url, this.organizationUrl);
    return err(errorOfResponse(url, status, errorTextOf(body), redirect));
  }
}

/** The error text in a response body, in either of its two forms; empty if there is none. */
export const errorTextOf = (body: Buffer): string => {
  const parsed = errorSchema.safeParse(jsonOrUndefined(body.toString('utf8')));
  return parsed.success ? [parsed.data.error].flat().join('; ') : '';
};

const parseAs = <Schema extends z.ZodType>(
  schema: Schema,
  url: string,
  body: Buffer,
): Result<z.infer<Schema>, ApiError> => {
  const parsed = schema.safeParse(jsonOrUndefined(body.toString('utf8')));
  if (parsed.success) return ok(parsed.data);
  const fault = `${url} sent an unexpected response: ${z.prettifyError(parsed.error)}`;
  return err(new ApiError('unexpected_answer', fault));
};

const errorOfFault = ({ kind, reason, mayHaveArrived }: HttpFault): ApiError =>
  new ApiError(kind === 'too_large' ? 'unexpected_answer' : kind, reason, undefined, '', mayHaveArrived);
