import { readFileSync } from 'node:fs';
import { Controller, Get, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CurrentRequestor } from '../../../../src/server/auth/current-requestor.decorator.js';
import { Protected } from '../../../../src/server/auth/protected.decorator.js';
import type { Requestor } from '../../../../src/server/auth/auth.port.js';
import { newActor } from '../../../dev-chef-server/chef-state.js';
import { DevChefServer } from '../../../dev-chef-server/dev-chef-server.js';
import { type HttpApp, startHttpApp } from '../../../support/http-app.js';
import { sendHttp } from '../../../support/http-request.js';

interface RecordedRequest {
  readonly label: string;
  readonly user: string;
  readonly public_key: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

const { requests } = JSON.parse(
  readFileSync(new URL('../../../fixtures/signed-requests.json', import.meta.url), 'utf8'),
) as { requests: RecordedRequest[] };

@Controller('organizations/:org/pushy')
class KnifeController {
  @Post('jobs')
  @Protected({ right: 'write', produces: 'application/json' })
  create(@CurrentRequestor() { name }: Requestor): unknown {
    return { name };
  }

  @Get(['jobs/:id', 'node_states/:node'])
  @Protected({ right: 'read', produces: 'application/json' })
  show(@CurrentRequestor() { name }: Requestor): unknown {
    return { name };
  }

  @Get('jobs/:id/output/:node/:channel')
  @Protected({ right: 'read', produces: 'application/octet-stream' })
  output(@CurrentRequestor() { name }: Requestor): unknown {
    return { name };
  }
}

describe('requests recorded from knife', () => {
  let chef: DevChefServer;
  let app: HttpApp;
  let nowMs: number;

  beforeAll(async () => {
    chef = await DevChefServer.start({ now: () => nowMs });
    chef.createOrganization('acme');
    for (const { user, public_key: key } of requests) {
      chef.state.users.set(user, newActor(user, key));
      chef.associate('acme', user, true);
    }
    app = await startHttpApp({
      chef,
      controllers: [KnifeController],
      clock: { now: () => nowMs },
    });
  });

  afterAll(async () => {
    await app.close();
    await chef.stop();
  });

  const sent = ({ headers }: RecordedRequest): Record<string, string> => Object.fromEntries(headers);

  it.each(requests)('$label: $method $path is accepted', async (request) => {
    nowMs = Date.parse(sent(request)['X-Ops-Timestamp'] ?? '');
    const response = await sendHttp(app.url, { ...request, headers: sent(request) });
    expect(response).toMatchObject({
      status: request.method === 'POST' ? 201 : 200,
      json: { name: request.user },
    });
  });

  it.each(requests)(
    '$label: $method $path is rejected 901 seconds later and with another path',
    async (request) => {
      const signedAt = Date.parse(sent(request)['X-Ops-Timestamp'] ?? '');
      nowMs = signedAt + 901_000;
      expect(await sendHttp(app.url, { ...request, headers: sent(request) })).toMatchObject({ status: 401 });
      nowMs = signedAt + 900_000;
      const path = request.path.replace(/\/acme\//, '/%61cme/');
      expect(await sendHttp(app.url, { ...request, path, headers: sent(request) })).toMatchObject({
        status: 401,
      });
    },
  );
});
