import type { Readable } from 'node:stream';
import { Controller, Get, Headers, HttpStatus, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Requestor } from '../auth/auth.port.js';
import { CurrentRequestor } from '../auth/current-requestor.decorator.js';
import { Protected } from '../auth/protected.decorator.js';
import { RefusedRequest } from '../http/refused-request.js';
import { feedsDoc } from './feeds.doc.js';
import { FeedsService } from './feeds.service.js';

/** `job_status_feed` of an organization and of a job (job lifecycle, "Feeds"). */
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
    this.send(reply, this.feeds.ofOrg(orgId, lastEventId));
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
    const feed = await this.feeds.ofJob(orgId, id, lastEventId, output === 'true');
    if (feed === undefined) {
      throw new RefusedRequest({ status: HttpStatus.NOT_FOUND, error: [`Cannot find job ${id}`] });
    }
    this.send(reply, feed);
  }

  /**
   * `X-Accel-Buffering` tells nginx to pass events on as they come. A connection that carried a live feed is not used
   * again, or a server that stops would wait for it. Its headers would wait for the first event, perhaps for long, so
   * they are sent as soon as they stand: when the feed is tied to the answer.
   */
  private send(reply: FastifyReply, feed: Readable | string): void {
    if (typeof feed !== 'string') {
      void reply.header('Connection', 'close');
      reply.raw.once('pipe', () => reply.raw.flushHeaders());
    }
    void reply
      .headers({
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-cache',
        'X-Accel-Buffering': 'no',
      })
      .send(feed);
  }
}
