import { type BeforeApplicationShutdown, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { FeedsController } from './feeds.controller.js';
import { FeedsService } from './feeds.service.js';
import { OrgFeeds } from './org-feeds.js';
import { OutputFeeds } from './output-feeds.js';

/** Server-Sent Events: what happens to jobs, as it happens. */
@Module({
  imports: [AuthModule, JobsModule],
  controllers: [FeedsController],
  providers: [FeedsService, OrgFeeds, OutputFeeds],
})
export class FeedsModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(
    @Inject(OrgFeeds) private readonly orgFeeds: OrgFeeds,
    @Inject(FeedsService) private readonly feeds: FeedsService,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.orgFeeds.start();
  }

  /** Before the HTTP server waits for its connections to end. */
  beforeApplicationShutdown(): void {
    this.feeds.close();
    this.orgFeeds.stop();
  }
}
