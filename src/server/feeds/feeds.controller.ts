import type { Readable } from 'node:stream';
import { Controller, Get, Headers, HttpStatus, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Requestor } from '../auth/auth.port.js';
import { CurrentRequestor } from '../auth/current-requestor.decorator.js';
import { Protected } from '../auth/protected.decorator.js';
import { RejectedRequest } from '../http/rejected-request.js';
import { feedsDoc } from './feeds.doc.js';
import { FeedsService } from './feeds.service.js';

/** `job_status_feed` of an organization and of a job. See docs/spec/job-lifecycle.md, "Feeds". */
@Controller('organizations/:org/pushy/job_status_feed')
export class FeedsController {
  constructor(private readonly feeds: FeedsService) {}

  @Get()
  @Protected({ right: 'read', produces: 'text/event-stream' }, feedsDoc.org)
  org(
    @Headers('last-event-id') lastEventId: string | undefined,
    @CurrentRequestor() { orgId }: Requestor,
    @Res() reply: FastifyReply,
  ): void {
    this.send(reply, this.feeds.openOrgFeed(orgId, lastEventId));
  }

  @Get(':id')
  @Protected({ right: 'read', produces: 'text/event-stream' }, feedsDoc.job)
  async job(
    @Param('id') id: string,
    @Query('output') output: unknown,
    @Headers('last-event-id') lastEventId: string | undefined,
    @CurrentRequestor() { orgId }: Requestor,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const feed = await this.feeds.openJobFeed(orgId, id, lastEventId, output === 'true');
    if (feed === undefined) {
      throw new RejectedRequest({ status: HttpStatus.NOT_FOUND, error: [`Cannot find job ${id}`] });
    }
    this.send(reply, feed);
  }

  private send(reply: FastifyReply, feed: Readable | string): void {
    if (typeof feed !== 'string') {
      // Otherwise the server waits at shutdown for the client to close the idle connection.
      void reply.header('Connection', 'close');
      // Otherwise Node.js sends the headers with the first event, which may come much later.
      reply.raw.once('pipe', () => reply.raw.flushHeaders());
    }
    void reply
      .headers({
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-cache',
        'X-Accel-Buffering': 'no', // nginx must forward events immediately
      })
      .send(feed);
  }
}
