import { Controller, Get, Header, Post, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Requestor } from '../../src/server/auth/auth.port.js';
import type { Rejection } from '../../src/server/http/rejected-request.js';
import { CurrentRequestor } from '../../src/server/auth/current-requestor.decorator.js';
import { Protected } from '../../src/server/auth/protected.decorator.js';

/** The sizes of the bodies that were parsed. */
export const parsedBodySizes: number[] = [];

const checkBody = ({ body }: FastifyRequest): Rejection | undefined => {
  parsedBodySizes.push(String(body).length);
  return String(body).trim() === '{}' ? undefined : { status: 400, error: 'the body must be {}' };
};

const checkCcpk = ({ query }: FastifyRequest): Rejection | undefined =>
  (query as { ccpk?: string }).ccpk === undefined ? { status: 400, error: ['Missing ccpk'] } : undefined;

/** Controllers for tests of the guard: one route for each kind of protection. */
@Controller('organizations/:org/pushy')
export class ProtectedController {
  @Get('things/:id')
  @Protected({ right: 'read', produces: 'application/json' })
  read(@CurrentRequestor() { name, type, orgName, orgId }: Requestor): unknown {
    return { name, type, orgName, orgId };
  }

  @Post('things')
  @Protected({ right: 'write', produces: 'application/json', parse: checkBody })
  write(@CurrentRequestor() { name }: Requestor): unknown {
    return { name };
  }

  @Get('config/:node')
  @Protected({ right: 'config', produces: 'application/json', parse: checkCcpk })
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

/** A route without protection. */
@Controller('pushy')
export class PublicController {
  @Get('_status')
  status(): unknown {
    return { status: "it's alive" };
  }
}
