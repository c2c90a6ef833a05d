import { Controller, Get, Param, Query } from '@nestjs/common';
import type { Requestor } from '../auth/auth.port.js';
import { CurrentRequestor } from '../auth/current-requestor.decorator.js';
import { Protected } from '../auth/protected.decorator.js';
import { omitUndefined } from '../../shared/lib/omit-undefined.js';
import type { NodeAvailability, NodeDetail, NodeState } from '../../shared/protocol/rest-schemas.js';
import { nodesDoc } from './nodes.doc.js';
import { type NodePresenceDetail, NodeTable } from './node-table.js';

const availability = (available: boolean): NodeAvailability['availability'] =>
  available ? 'available' : 'unavailable';

const isoOf = (ms: number): string => new Date(ms).toISOString();

const detailOf = (node: NodePresenceDetail): NodeDetail =>
  omitUndefined({
    node_name: node.node,
    status: node.online ? ('online' as const) : ('offline' as const),
    availability: availability(node.available),
    reason: node.unavailabilityReason,
    rehab_reason: node.rehabReason,
    last_seen: node.lastSeenAt === undefined ? undefined : isoOf(node.lastSeenAt),
    client_version: node.clientVersion,
    dropped: node.drops && {
      count: node.drops.count,
      reason: node.drops.reason,
      at: isoOf(node.drops.at),
    },
  });

/** `GET node_states` and `GET node_states/NODE`. See docs/spec/rest-api.md, "Nodes". */
@Controller('organizations/:org/pushy/node_states')
export class NodeStatesController {
  constructor(private readonly nodes: NodeTable) {}

  @Get()
  @Protected({ right: 'read', produces: 'application/json' }, nodesDoc.list)
  list(
    @Query('details') details: unknown,
    @CurrentRequestor() { orgId }: Requestor,
  ): (NodeAvailability | NodeDetail)[] {
    if (details === 'true') return this.nodes.details(orgId).map(detailOf);
    return this.nodes
      .onlineNodes(orgId)
      .map(({ node, available }) => ({ node_name: node, availability: availability(available) }));
  }

  @Get(':node')
  @Protected({ right: 'read', produces: 'application/json' }, nodesDoc.one)
  one(
    @Param('node') node: string,
    @Query('details') details: unknown,
    @CurrentRequestor() { orgId }: Requestor,
  ): NodeState | NodeDetail {
    if (details === 'true') return detailOf(this.nodes.detail({ orgId, node }));
    const { online, available } = this.nodes.presence({ orgId, node });
    return { node_name: node, status: online ? 'online' : 'offline', availability: availability(available) };
  }
}
