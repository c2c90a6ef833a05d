import { Readable } from 'node:stream';
import { Controller, Get, Header, HttpCode, HttpStatus, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Requestor } from '../../auth/auth.port.js';
import { CurrentRequestor } from '../../auth/current-requestor.decorator.js';
import { Protected } from '../../auth/protected.decorator.js';
import { RejectedRequest } from '../../http/rejected-request.js';
import { requestOrigin } from '../../http/request-origin.js';
import { err, ok, type Result } from '../../../shared/lib/result.js';
import { type JobListQuery, parseJobListQuery } from '../../../shared/protocol/job-list-query.js';
import type { JobRequest } from '../../../shared/protocol/job-request.js';
import type { DryRun, Job, JobCreated, JobSummary } from '../../../shared/protocol/rest-schemas.js';
import { jobsDoc } from './jobs.doc.js';
import { JobStarter } from '../live/job-starter.js';
import { JobsService } from './jobs.service.js';
import { parseJobRequest } from './parse-job-request.js';
import { parseBy, ParsedRequest } from './parsed-request.js';
import { idempotencyMark, isIdempotencyKey } from './idempotency-key.js';

const orNotFound = <T>(found: T | undefined, what: string): T => {
  if (found === undefined) throw new RejectedRequest({ status: HttpStatus.NOT_FOUND, error: [what] });
  return found;
};

const NO_BODY = Buffer.alloc(0);

const bodyOf = ({ body }: FastifyRequest): Buffer => (Buffer.isBuffer(body) ? body : NO_BODY);

interface StartRequest {
  readonly job: JobRequest;
  readonly key: string | undefined;
}

const parseStartRequest = (request: FastifyRequest): Result<StartRequest, string> => {
  const key = request.headers['idempotency-key'];
  if (key !== undefined && !isIdempotencyKey(key)) {
    return err('Idempotency-Key must be 1 to 255 visible characters of ASCII');
  }
  const job = parseJobRequest(bodyOf(request));
  return job.ok ? ok({ job: job.value, key }) : job;
};

/** Returns the URL of an organization's jobs, as the sender of the request sees the server. */
const jobsUrl = (request: FastifyRequest, org: string): string =>
  `${requestOrigin(request)}/organizations/${encodeURIComponent(org)}/pushy/jobs`;

/** Returns the query of the request with this cursor. */
const nextQuery = ({ url }: FastifyRequest, cursor: string): string => {
  const query = new URLSearchParams(url.slice(url.indexOf('?')));
  query.set('cursor', cursor);
  return query.toString();
};

/** The resources below `jobs`. See docs/spec/rest-api.md, "Resources". */
@Controller('organizations/:org/pushy/jobs')
export class JobsController {
  constructor(
    private readonly jobs: JobsService,
    private readonly starter: JobStarter,
  ) {}

  @Get()
  @Protected(
    { right: 'read', produces: 'application/json', parse: parseBy(({ query }) => parseJobListQuery(query)) },
    jobsDoc.list,
  )
  async list(
    @Param('org') org: string,
    @CurrentRequestor() { orgId }: Requestor,
    @ParsedRequest() query: JobListQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<readonly JobSummary[] | Readable> {
    const { jobs, next } = await this.jobs.list(orgId, query);
    if (jobs instanceof Readable) reply.type('application/json; charset=utf-8');
    if (next !== undefined) {
      reply.header('Link', `<${jobsUrl(request, org)}?${nextQuery(request, next)}>; rel="next"`);
    }
    return jobs;
  }

  @Post()
  @Protected(
    { right: 'write', produces: 'application/json', parse: parseBy(parseStartRequest) },
    jobsDoc.start,
  )
  async start(
    @Param('org') org: string,
    @CurrentRequestor() requestor: Requestor,
    @ParsedRequest() { job, key }: StartRequest,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobCreated | DryRun> {
    if (job.dry_run === true) {
      reply.status(HttpStatus.OK);
      return this.starter.dryRun(requestor, job);
    }
    const mark = key === undefined ? undefined : idempotencyMark(requestor, key, bodyOf(request));
    const started = await this.starter.start(requestor, job, mark);
    if (!started.ok) throw new RejectedRequest(started.error);
    const uri = `${jobsUrl(request, org)}/${started.value}`;
    reply.header('Location', uri);
    return { uri };
  }

  @Get(':id')
  @Protected({ right: 'read', produces: 'application/json' }, jobsDoc.find)
  async find(
    @Param('id') id: string,
    @Query('include_file') includeFile: unknown,
    @Query('details') details: unknown,
    @CurrentRequestor() { orgId }: Requestor,
  ): Promise<Job> {
    const withFile = includeFile === 'true';
    const job =
      details === 'true'
        ? await this.jobs.findDetailed(orgId, id, withFile)
        : await this.jobs.find(orgId, id, withFile);
    return orNotFound(job, `Cannot find job ${id}`);
  }

  /** See docs/spec/job-lifecycle.md, "Abort". */
  @Post(':id/abort')
  @HttpCode(HttpStatus.OK)
  @Protected({ right: 'write', produces: 'application/json', ignoresBody: true }, jobsDoc.abort)
  async abort(@Param('id') id: string, @CurrentRequestor() requestor: Requestor): Promise<Job> {
    const aborted = orNotFound(await this.jobs.abort(requestor, id), `Cannot find job ${id}`);
    if (aborted.ok) return aborted.value;
    throw new RejectedRequest(aborted.error);
  }

  @Get(':id/output/:node/stdout')
  @Header('Content-Type', 'application/octet-stream')
  @Protected({ right: 'read', produces: 'application/octet-stream' }, jobsDoc.output)
  stdout(
    @Param('id') id: string,
    @Param('node') node: string,
    @CurrentRequestor() requestor: Requestor,
  ): Promise<Buffer> {
    return this.output(requestor, id, node, 'stdout');
  }

  @Get(':id/output/:node/stderr')
  @Header('Content-Type', 'application/octet-stream')
  @Protected({ right: 'read', produces: 'application/octet-stream' }, jobsDoc.output)
  stderr(
    @Param('id') id: string,
    @Param('node') node: string,
    @CurrentRequestor() requestor: Requestor,
  ): Promise<Buffer> {
    return this.output(requestor, id, node, 'stderr');
  }

  private async output(
    { orgId }: Requestor,
    id: string,
    node: string,
    stream: 'stdout' | 'stderr',
  ): Promise<Buffer> {
    const bytes = await this.jobs.output(orgId, id, node, stream);
    return orNotFound(bytes, `No ${stream} was captured of node ${node} in job ${id}`);
  }
}
