import { z } from 'zod';
import { err, ok, type Result } from '../lib/result.js';
import { explainRedirect } from '../platform/http/explain-redirect.js';
import type { HttpFault, HttpResponse, ResponseHeaders } from '../platform/http/http-exchange.js';
import type { SignedHttp } from '../platform/http/signed-http.js';
import { errorSchema } from '../protocol/rest-schemas.js';
import { ApiError, errorOfAnswer } from './api-error.js';

/** One call; `path` stands below the organization, like `pushy/jobs`, with a query where there is one. */
export interface RestCall {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Lists of all jobs and captured output may be large. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

/** A name that every reader of an address takes for the way to another folder, in whatever way it is written. */
const DOT_SEGMENT = /(?:^|\/)(\.{1,2})(?=[/?]|$)/;

/** Calls the API of one organization and checks what comes back. */
export class RestCaller {
  constructor(
    readonly http: SignedHttp,
    /** `https://HOST/organizations/ORG`, without a slash at the end. */
    readonly organizationUrl: string,
  ) {}

  /** The absolute address of a path below the organization. */
  url(path: string): string {
    return `${this.organizationUrl}/${path}`;
  }

  /** Calls, and checks the answer against its schema. */
  async json<Schema extends z.ZodType>(
    schema: Schema,
    call: RestCall,
  ): Promise<Result<z.infer<Schema>, ApiError>> {
    const answer = await this.bytes(call);
    return answer.ok ? parseAs(schema, this.url(call.path), answer.value) : answer;
  }

  /** Calls, and hands out the answer's bytes. */
  async bytes(call: RestCall): Promise<Result<Buffer, ApiError>> {
    const answer = await this.answer(call);
    return answer.ok ? ok(answer.value.body) : answer;
  }

  /** Calls, checks the answer's body against its schema, and hands out its headers too. */
  async jsonWithHeaders<Schema extends z.ZodType>(
    schema: Schema,
    call: RestCall,
  ): Promise<Result<{ readonly body: z.infer<Schema>; readonly headers: ResponseHeaders }, ApiError>> {
    const answer = await this.answer(call);
    if (!answer.ok) return answer;
    const body = parseAs(schema, this.url(call.path), answer.value.body);
    return body.ok ? ok({ body: body.value, headers: answer.value.headers }) : body;
  }

  private async answer(call: RestCall): Promise<Result<HttpResponse, ApiError>> {
    const url = this.url(call.path);
    const name = DOT_SEGMENT.exec(call.path)?.[1];
    if (name !== undefined) {
      const fault = `no server can be asked about '${name}': in the address it would be the way to another folder`;
      return err(new ApiError('not_found', fault));
    }
    const answer = await this.http.send({
      method: call.method ?? 'GET',
      url,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_ANSWER_BYTES,
      headers: {
        ...call.headers,
        Accept: call.accept ?? 'application/json',
        ...(call.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: Buffer.from(JSON.stringify(call.body)) }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    if (!answer.ok) return err(errorOfFault(answer.error));
    const { status, body } = answer.value;
    if (status >= 200 && status < 300) return ok(answer.value);
    const redirect = explainRedirect(answer.value, url, this.organizationUrl);
    return err(errorOfAnswer(url, status, serverTextOf(body), redirect));
  }
}

/** The words in the body of an error, in either of its forms; empty where there are none that we know. */
export const serverTextOf = (body: Buffer): string => {
  const parsed = errorSchema.safeParse(readJson(body));
  return parsed.success ? [parsed.data.error].flat().join('; ') : '';
};

const parseAs = <Schema extends z.ZodType>(
  schema: Schema,
  url: string,
  body: Buffer,
): Result<z.infer<Schema>, ApiError> => {
  const parsed = schema.safeParse(readJson(body));
  if (parsed.success) return ok(parsed.data);
  const fault = `${url} answered with something else than was asked for: ${z.prettifyError(parsed.error)}`;
  return err(new ApiError('unexpected_answer', fault));
};

/** The JSON value of a body; undefined where it is not JSON. */
const readJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined; // no schema takes undefined, so the caller reports it
  }
};

const errorOfFault = ({ kind, reason, mayHaveArrived }: HttpFault): ApiError =>
  new ApiError(kind === 'too_large' ? 'unexpected_answer' : kind, reason, undefined, '', mayHaveArrived);
