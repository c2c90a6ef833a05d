import { Module } from '@nestjs/common';
import { JobsModule } from '../jobs/jobs.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { NodesModule } from '../nodes/nodes.module.js';
import { StatusController } from './status.controller.js';

/** How the server is doing. */
@Module({ imports: [KeysModule, NodesModule, JobsModule], controllers: [StatusController] })
export class StatusModule {}
