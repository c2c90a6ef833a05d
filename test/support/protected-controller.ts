import { Controller, Get, Header, Post, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Refusal, Requestor } from '../../src/server/auth/auth.port.js';
import { CurrentRequestor } from '../../src/server/auth/current-requestor.decorator.js';
import { Protected } from '../../src/server/auth/protected.decorator.js';

const judgeBody = ({ body }: FastifyRequest): Refusal | undefined =>
  String(body) === '{}' ? undefined : { status: 400, error: 'the body must be {}' };

const judgeCcpk = ({ query }: FastifyRequest): Refusal | undefined =>
  (query as { ccpk?: string }).ccpk === undefined ? { status: 400, error: ['Missing ccpk'] } : undefined;

/** A stand-in for the real controllers: one route of each kind of protection. */
@Controller('organizations/:org/pushy')
export class ProtectedController {
  @Get('things/:id')
  @Protected({ right: 'read', produces: 'application/json' })
  read(@CurrentRequestor() { name, type, orgName, orgId }: Requestor): unknown {
    return { name, type, orgName, orgId };
  }

  @Post('things')
  @Protected({ right: 'write', produces: 'application/json', judge: judgeBody })
  write(@CurrentRequestor() { name }: Requestor): unknown {
    return { name };
  }

  @Get('config/:node')
  @Protected({ right: 'config', produces: 'application/json', judge: judgeCcpk })
  config(@CurrentRequestor() { key }: Requestor): unknown {
    return { publicKey: key.export({ type: 'spki', format: 'pem' }) };
  }

  @Get('things/:id/bytes')
  @Protected({ right: 'read', produces: 'application/octet-stream' })
  @Header('Content-Type', 'application/octet-stream')
  bytes(): Buffer {
    return Buffer.from('"bytes"');
  }

  @Get('feed')
  @Protected({ right: 'read', produces: 'text/event-stream' })
  feed(@Res() reply: FastifyReply): void {
    reply.raw.writeHead(200, { 'Content-Type': 'text/event-stream' });
    reply.raw.end();
  }
}

/** A route that anybody may ask. */
@Controller('pushy')
export class PublicController {
  @Get('_status')
  status(): unknown {
    return { status: "it's alive" };
  }
}
