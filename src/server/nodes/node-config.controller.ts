import { Controller, Get, Param, Query } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Refusal, Requestor } from '../auth/auth.port.js';
import { CurrentRequestor } from '../auth/current-requestor.decorator.js';
import { Protected } from '../auth/protected.decorator.js';
import { CONFIG_QUERY, type ConfigDocument } from '../../shared/protocol/config-document.js';
import { decodeCurveKey } from '../../shared/protocol/curve-key.js';
import { MAX_NODE_NAME_BYTES } from '../../shared/protocol/node-address.js';
import { nodesDoc } from './nodes.doc.js';
import { NodeConfigService } from './node-config.service.js';

/** A node must say by which Curve key it will connect. */
const judgeCurveKey = (request: FastifyRequest): Refusal | undefined => {
  const key = (request.query as Record<string, unknown>)[CONFIG_QUERY.curveKey];
  if (key === undefined || key === '') return { status: 400, error: ['Missing ccpk'] };
  if (typeof key !== 'string' || decodeCurveKey(key) === undefined)
    return { status: 401, error: ['Bad ccpk'] };
  return undefined;
};

/** Where node names are not checked, any name could be asked for, also one that cannot be kept. */
const judgeNodeName = (request: FastifyRequest): Refusal | undefined => {
  const { node } = request.params as { readonly node: string };
  const isGood = Buffer.byteLength(node) <= MAX_NODE_NAME_BYTES && !node.includes('\0');
  const error = [`the name of a node is 1 to ${MAX_NODE_NAME_BYTES} bytes without NUL`];
  return isGood ? undefined : { status: 400, error };
};

const judge = (request: FastifyRequest): Refusal | undefined =>
  judgeCurveKey(request) ?? judgeNodeName(request);

/** `GET config/NODE` (wire protocol, section 2). */
@Controller('organizations/:org/pushy/config')
export class NodeConfigController {
  constructor(private readonly service: NodeConfigService) {}

  @Get(':node')
  @Protected({ right: 'config', produces: 'application/json', judge }, nodesDoc.config)
  config(
    @Param('node') node: string,
    @Query(CONFIG_QUERY.curveKey) curveKey: string,
    @CurrentRequestor() requestor: Requestor,
  ): Promise<ConfigDocument> {
    return this.service.configFor(node, curveKey, requestor);
  }
}
