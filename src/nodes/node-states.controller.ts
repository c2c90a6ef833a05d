import { Controller, Get, Param } from '@nestjs/common';
import type { Requestor } from '../auth/auth.port.js';
import { CurrentRequestor } from '../auth/current-requestor.decorator.js';
import { Protected } from '../auth/protected.decorator.js';
import type { NodeAvailability, NodeState } from '../protocol/rest-shapes.js';
import { NodeRegistry } from './node-registry.js';

const availability = (available: boolean): NodeAvailability['availability'] =>
  available ? 'available' : 'unavailable';

/** `GET node_states` and `GET node_states/NODE` (REST API, "Resources"). */
@Controller('organizations/:org/pushy/node_states')
export class NodeStatesController {
  constructor(private readonly registry: NodeRegistry) {}

  @Get()
  @Protected({ right: 'read', produces: 'application/json' })
  list(@CurrentRequestor() { orgId }: Requestor): NodeAvailability[] {
    return this.registry
      .onlineNodes(orgId)
      .map(({ node, available }) => ({ node_name: node, availability: availability(available) }));
  }

  @Get(':node')
  @Protected({ right: 'read', produces: 'application/json' })
  one(@Param('node') node: string, @CurrentRequestor() { orgId }: Requestor): NodeState {
    const { online, available } = this.registry.presence({ orgId, node });
    return { node_name: node, status: online ? 'online' : 'offline', availability: availability(available) };
  }
}
