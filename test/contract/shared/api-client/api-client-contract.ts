import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type JobFeedEvent,
  PushJobsClient,
  type PushJobsClientOptions,
} from '../../../../src/shared/api-client/push-jobs-client.js';

/**
 * A server to test the client with. It has two available nodes and no others: `good` succeeds and writes `hello\n`, `bad`
 * fails and writes nothing.
 */
export interface ApiUnderTest {
  readonly options: PushJobsClientOptions;
  close(): Promise<void>;
}

/** What the client guarantees with any server. */
export const describeApiClient = (server: string, start: () => Promise<ApiUnderTest>): void => {
  describe(`the API client and ${server}`, () => {
    let under: ApiUnderTest;
    let client: PushJobsClient;

    const eventsOf = async (id: string): Promise<JobFeedEvent[]> => {
      const events: JobFeedEvent[] = [];
      for await (const event of client.jobFeed(id)) events.push(event);
      return events;
    };

    /** Runs a job to its end and returns its id. */
    const runJob = async (nodes: readonly string[], quorum = nodes.length): Promise<string> => {
      const started = await client.startJob({ command: 'chef-client', nodes, quorum, capture_output: true });
      if (!started.ok) throw started.error;
      await eventsOf(started.value.id);
      return started.value.id;
    };

    beforeAll(async () => {
      under = await start();
      client = new PushJobsClient(under.options);
    });
    afterAll(async () => {
      await client.close();
      await under.close();
    });

    it('starts a job and returns its id and URL', async () => {
      const started = await client.startJob({ command: 'chef-client', nodes: ['good'] });
      if (!started.ok) throw started.error;

      expect(started.value.id).toMatch(/^[0-9a-f]{32}$/);
      expect(started.value.uri).toMatch(new RegExp(`/organizations/[^/]+/pushy/jobs/${started.value.id}$`));
      await eventsOf(started.value.id);
    });

    it('yields the events of a job in order, to its end', async () => {
      const started = await client.startJob({ command: 'chef-client', nodes: ['good'] });
      if (!started.ok) throw started.error;
      const events = await eventsOf(started.value.id);

      expect(events.map(({ name, id }) => `${id} ${name}`)).toEqual([
        'job-1 start',
        'job-2 quorum_vote',
        'job-3 quorum_succeeded',
        'job-4 run_start',
        'job-5 run_complete',
        'job-6 job_complete',
      ]);
      expect(events[4]?.data).toMatchObject({ node: 'good', status: 'success' });
    });

    it('shows a job with its nodes by status', async () => {
      const id = await runJob(['good', 'bad', 'away'], 2);

      expect(await client.getJob(id)).toMatchObject({
        ok: true,
        value: {
          id,
          command: 'chef-client',
          status: 'complete',
          capture_output: true,
          nodes: { succeeded: ['good'], failed: ['bad'], unavailable: ['away'] },
        },
      });
    });

    it('lists jobs, oldest first', async () => {
      const first = await runJob(['good']);
      const second = await runJob(['good']);
      const listed = await client.listJobs();
      if (!listed.ok) throw listed.error;

      const ids = listed.value.map(({ id }) => id);
      expect(ids.slice(-2)).toEqual([first, second]);
    });

    it('returns the output of a node', async () => {
      const id = await runJob(['good', 'bad']);

      expect(await client.getOutput(id, 'good', 'stdout')).toEqual({
        ok: true,
        value: Buffer.from('hello\n'),
      });
      expect(await client.getOutput(id, 'good', 'stderr')).toEqual({ ok: true, value: Buffer.alloc(0) });
    });

    it('distinguishes online from unknown nodes', async () => {
      const listed = await client.listNodes();
      if (!listed.ok) throw listed.error;

      expect(listed.value).toEqual(
        expect.arrayContaining([
          { node_name: 'bad', availability: 'available' },
          { node_name: 'good', availability: 'available' },
        ]),
      );
      expect(await client.getNode('good')).toMatchObject({ ok: true, value: { status: 'online' } });
      expect(await client.getNode('away')).toEqual({
        ok: true,
        value: { node_name: 'away', status: 'offline', availability: 'unavailable' },
      });
    });

    describe('a failure', () => {
      const UNKNOWN = 'f'.repeat(32);
      let stranger: PushJobsClient;

      beforeEach(() => {
        stranger = new PushJobsClient({ ...under.options, user: 'stranger' });
        return () => stranger.close();
      });

      it('has its error code and the text of the server', async () => {
        expect(await client.startJob({ command: 'x', nodes: [] })).toMatchObject({
          ok: false,
          error: {
            name: 'ApiError',
            code: 'invalid_request',
            status: 400,
            serverText: 'at least one node must be supplied',
          },
        });
        expect(await client.getJob(UNKNOWN)).toMatchObject({
          ok: false,
          error: { code: 'not_found', status: 404 },
        });
        expect(await client.getOutput(UNKNOWN, 'good', 'stdout')).toMatchObject({
          ok: false,
          error: { code: 'not_found', status: 404 },
        });
        expect(await stranger.listJobs()).toMatchObject({
          ok: false,
          error: { code: 'unauthorized', status: 401 },
        });
      });

      it('is thrown by a feed that cannot be read', async () => {
        await expect(eventsOf(UNKNOWN)).rejects.toMatchObject({ name: 'ApiError', code: 'not_found' });
        await expect(stranger.jobFeed(UNKNOWN).next()).rejects.toMatchObject({ code: 'unauthorized' });
      });
    });
  });
};
