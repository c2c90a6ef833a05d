import { Controller, Get, Inject } from '@nestjs/common';
import { LIVE_JOBS, type LiveJobs } from '../jobs/jobs.port.js';
import { SERVER_KEYS, type ServerKeys } from '../keys/keys.port.js';
import { FLEET, type Fleet } from '../nodes/nodes.port.js';
import type { ServerStatus } from '../protocol/rest-shapes.js';

/** `GET /pushy/_status`: whether the server lives, for everybody who asks. */
@Controller('pushy/_status')
export class StatusController {
  constructor(
    @Inject(SERVER_KEYS) private readonly keys: ServerKeys,
    @Inject(FLEET) private readonly fleet: Fleet,
    @Inject(LIVE_JOBS) private readonly jobs: LiveJobs,
  ) {}

  @Get()
  status(): ServerStatus {
    return {
      status: "it's alive",
      incarnation_id: this.keys.incarnationId,
      node_fsm_count: this.fleet.count(),
      job_processes: this.jobs.ids(),
    };
  }
}
