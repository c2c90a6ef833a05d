import { Controller, Get, Param, Query } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Requestor } from '../auth/auth.port.js';
import type { Rejection } from '../http/rejected-request.js';
import { CurrentRequestor } from '../auth/current-requestor.decorator.js';
import { Protected } from '../auth/protected.decorator.js';
import { CONFIG_QUERY, type ConfigDocument } from '../../shared/protocol/config-document.js';
import { decodeCurveKey } from '../../shared/protocol/curve-key.js';
import { MAX_NODE_NAME_BYTES } from '../../shared/protocol/node-address.js';
import { nodesDoc } from './nodes.doc.js';
import { NodeConfigService } from './node-config.service.js';

/** A node must register the Curve key that it will connect with. */
const checkCurveKey = (request: FastifyRequest): Rejection | undefined => {
  const key = (request.query as Record<string, unknown>)[CONFIG_QUERY.curveKey];
  if (key === undefined || key === '') return { status: 400, error: ['Missing ccpk'] };
  if (typeof key !== 'string' || decodeCurveKey(key) === undefined)
    return { status: 401, error: ['Bad ccpk'] };
  return undefined;
};

/** Without `validate_client_node_name` a request may contain any name, even one that the database cannot store. */
const checkNodeName = (request: FastifyRequest): Rejection | undefined => {
  const { node } = request.params as { readonly node: string };
  const isValid = Buffer.byteLength(node) <= MAX_NODE_NAME_BYTES && !node.includes('\0');
  const error = [`the name of a node is 1 to ${MAX_NODE_NAME_BYTES} bytes without NUL`];
  return isValid ? undefined : { status: 400, error };
};

const parse = (request: FastifyRequest): Rejection | undefined =>
  checkCurveKey(request) ?? checkNodeName(request);

/** `GET config/NODE`. See docs/spec/wire-protocol.md, "Config document". */
@Controller('organizations/:org/pushy/config')
export class NodeConfigController {
  constructor(private readonly service: NodeConfigService) {}

  @Get(':node')
  @Protected({ right: 'config', produces: 'application/json', parse }, nodesDoc.config)
  config(
    @Param('node') node: string,
    @Query(CONFIG_QUERY.curveKey) curveKey: string,
    @CurrentRequestor() requestor: Requestor,
  ): Promise<ConfigDocument> {
    return this.service.createConfig(node, curveKey, requestor);
  }
}
