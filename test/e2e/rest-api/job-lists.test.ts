import { beforeAll, describe, expect, it } from 'vitest';
import { PushJobsClient } from '../../../src/shared/api-client/push-jobs-client.js';
import type { JobSummary } from '../../../src/shared/protocol/rest-schemas.js';
import { type JsonResponse } from '../../support/server-under-test.js';
import { sendSigned } from '../../support/signed-sender.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

const JOBS = `/organizations/${ORG}/pushy/jobs`;

const server = useServer();
let client: PushJobsClient;
/** Oldest first. */
const ids: string[] = [];

beforeAll(async () => {
  client = server.createApiClient();
  for (const [command, node] of [
    ['chef-client', 'web1'],
    ['uptime', 'web1'],
    ['chef-client', 'web2'],
    ['chef-client', 'web1'],
  ] as const) {
    const id = await server.startJob({ command, nodes: [node], quorum: command === 'uptime' ? 0 : 1 });
    await server.jobBecomes(id, command === 'uptime' ? 'complete' : 'quorum_failed');
    ids.push(id);
  }
});

const list = async (query: string): Promise<string[]> =>
  (await server.get<JobSummary[]>(`jobs?${query}`)).body.map(({ id }) => id);
const at = (...places: number[]): (string | undefined)[] => places.map((place) => ids[place]);

describe('the list of jobs', () => {
  it.each([
    ['status=complete', [1]],
    ['status=running', []],
    ['command=chef-client', [0, 2, 3]],
    ['command=chef', []],
    ['node=web2', [2]],
    ['user=alice&node=web1&command=chef-client', [0, 3]],
    ['user=bob', []],
    ['order=newest', [3, 2, 1, 0]],
    ['order=oldest&limit=2', [0, 1]],
    ['order=newest&limit=1', [3]],
    ['since=2000-01-01T00:00:00Z', [0, 1, 2, 3]],
    ['since=2999-01-01T00:00:00%2B02:00', []],
    ['until=2000-01-01T00:00:00Z', []],
    ['until=Fri, 31 Dec 2999 00:00:00 GMT', [0, 1, 2, 3]],
    ['something=else', [0, 1, 2, 3]],
    ['', [0, 1, 2, 3]],
  ])('is filtered and ordered by %s', async (query, places) => {
    expect(await list(encodeURI(query).replace('%252B', '%2B'))).toEqual(at(...places));
  });

  it.each([
    ['limit=0', 'limit', 'a whole number from 1 to 1000'],
    ['limit=1001', 'limit', 'a whole number from 1 to 1000'],
    ['limit=1e2', 'limit', 'a whole number from 1 to 1000'],
    ['limit=1&limit=2', 'limit', 'a whole number from 1 to 1000'],
    ['status=finished', 'status', 'one of voting, running, complete'],
    ['order=random', 'order', 'one of oldest, newest'],
    ['since=yesterday', 'since', 'a date like 2026-11-22T08:00:00Z'],
    ['until=2026-13-01T00:00:00Z', 'until', 'a date like'],
    ['cursor=nonsense', 'cursor', 'the cursor of a Link header'],
    ['command=a%00b', 'command', 'no NUL'],
  ])('is rejected for %s', async (query, parameter, expected) => {
    const { status, body } = await server.get<{ error: string }>(`jobs?${query}`);
    expect(status).toBe(400);
    expect(body.error).toContain(`invalid value supplied for ${parameter} (expected ${expected}`);
  });

  it('has a Link header to the next page on all pages but the last', async () => {
    const pages: string[][] = [];
    let path: string | undefined = 'jobs?limit=3&order=newest&user=alice';
    while (path !== undefined) {
      const page: JsonResponse<JobSummary[]> = await server.get(path);
      pages.push(page.body.map(({ id }) => id));
      const link = String(page.response.headers.link);
      const next: string | undefined = /<([^>]+)>; rel="next"/.exec(link)?.[1];
      expect(next === undefined || next.startsWith(server.url(`/organizations/${ORG}/pushy/jobs?`))).toBe(
        true,
      );
      path = next?.slice(server.url(`/organizations/${ORG}/pushy/`).length);
    }
    expect(pages).toEqual([at(3, 2, 1), at(0)]);
  });

  it('has a Link header with a normalized path for any spelling of the path', async () => {
    const { status, headers } = await sendSigned(
      server.url(''),
      { user: 'alice', key: server.userKey },
      { path: `//organizations/${ORG}//pushy/jobs/?limit=1&command=chef-client&x=a?b` },
    );
    const [, next = '', cursor = ''] =
      /^<(.+)(?<=&cursor=)([\w-]+)>; rel="next"$/.exec(String(headers.link)) ?? [];
    expect({ status, next }).toEqual({
      status: 200,
      next: `${server.url(JOBS)}?limit=1&command=chef-client&x=a%3Fb&cursor=`,
    });
    expect(await list(`command=chef-client&cursor=${cursor}`)).toEqual(at(2, 3));
  });

  it('has no Link header if it is complete', async () => {
    expect((await server.get('jobs')).response.headers.link).toBeUndefined();
    expect((await server.get('jobs?limit=4')).response.headers.link).toBeUndefined();
  });

  it('can be read page by page with the API client', async () => {
    const first = await client.listJobsPage({ command: 'chef-client', limit: 2, since: new Date(0) });
    if (!first.ok) throw first.error;
    expect(first.value.jobs.map(({ id }) => id)).toEqual(at(0, 2));
    const second = await client.listJobsPage({ command: 'chef-client', limit: 2, cursor: first.value.next! });
    if (!second.ok) throw second.error;
    expect(second.value.jobs.map(({ id }) => id)).toEqual(at(3));
    expect(second.value.next).toBeUndefined();
  });
});
