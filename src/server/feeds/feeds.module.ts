import { type BeforeApplicationShutdown, Module, type OnModuleInit } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { FeedsController } from './feeds.controller.js';
import { FeedsService } from './feeds.service.js';
import { OrgFeeds } from './org-feeds.js';
import { OutputFeeds } from './output-feeds.js';

/** The feeds of jobs and organizations, as Server-Sent Events. */
@Module({
  imports: [AuthModule, JobsModule],
  controllers: [FeedsController],
  providers: [FeedsService, OrgFeeds, OutputFeeds],
})
export class FeedsModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(
    private readonly orgFeeds: OrgFeeds,
    private readonly feeds: FeedsService,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.orgFeeds.start();
  }

  /** Closes the feeds before the HTTP server waits for its connections to end. */
  beforeApplicationShutdown(): void {
    this.feeds.close();
    this.orgFeeds.stop();
  }
}
