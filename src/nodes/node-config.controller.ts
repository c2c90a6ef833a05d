import { Controller, Get, Param, Query } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Refusal, Requestor } from '../auth/auth.port.js';
import { CurrentRequestor } from '../auth/current-requestor.decorator.js';
import { Protected } from '../auth/protected.decorator.js';
import { CONFIG_QUERY, type ConfigDocument } from '../protocol/config-document.js';
import { decodeCurveKey } from '../protocol/curve-key.js';
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

/** `GET config/NODE` (wire protocol, section 2). */
@Controller('organizations/:org/pushy/config')
export class NodeConfigController {
  constructor(private readonly service: NodeConfigService) {}

  @Get(':node')
  @Protected({ right: 'config', produces: 'application/json', judge: judgeCurveKey }, nodesDoc.config)
  config(
    @Param('node') node: string,
    @Query(CONFIG_QUERY.curveKey) curveKey: string,
    @CurrentRequestor() requestor: Requestor,
  ): Promise<ConfigDocument> {
    return this.service.configFor(node, curveKey, requestor);
  }
}
