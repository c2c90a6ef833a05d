import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PostgresJobStore } from '../../../../src/server/jobs/stores/postgres-job-store.js';
import { PostgresOrgEventStore } from '../../../../src/server/jobs/stores/postgres-org-event-store.js';
import { PostgresBatchWriter } from '../../../../src/server/persistence/batch-writer.js';
import type { OpenDatabase } from '../../../../src/server/persistence/open-database.js';
import { createEmbeddedTestDatabase, createTestDatabase } from '../../../support/database.js';
import { newJob, randomId } from '../../../support/new-job.js';

const openPostgres = async (): Promise<OpenDatabase> => {
  const created = await createTestDatabase();
  const open = await created.open();
  return {
    ...open,
    close: async () => {
      await open.close();
      await created.drop();
    },
  };
};

const AT = Date.UTC(2026, 10, 22, 8, 0, 5, 250);

describe.each([
  { name: 'PostgreSQL', open: openPostgres },
  { name: 'the embedded database', open: createEmbeddedTestDatabase },
])('the job store on $name', ({ open: openDatabase }) => {
  let open: OpenDatabase;
  let writer: PostgresBatchWriter;
  let store: PostgresJobStore;
  let orgEvents: PostgresOrgEventStore;
  let orgId: string;

  beforeAll(async () => {
    open = await openDatabase();
    writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }));
    store = new PostgresJobStore(open.database, writer);
    orgEvents = new PostgresOrgEventStore(open.database, writer);
  });
  afterAll(async () => {
    await writer.drain(5_000);
    await open.close();
  });
  beforeEach(() => {
    orgId = randomId();
  });

  describe('a new job', () => {
    it('is found with its nodes, in voting, and without members that were not given', async () => {
      const job = newJob({ orgId, nodes: ['web2', 'web1', 'Web0'], runTimeout: 60 });
      await store.create(job);
      expect(await store.find(orgId, job.id)).toEqual({
        id: job.id,
        command: 'chef-client',
        status: 'voting',
        runTimeout: 60,
        createdAt: job.createdAt,
        updatedAt: job.createdAt,
        capture: false,
        fileSpecified: false,
        nodes: [
          { name: 'Web0', status: 'new' },
          { name: 'web1', status: 'new' },
          { name: 'web2', status: 'new' },
        ],
      });
    });

    it('keeps every option exactly, also a user name of more than 32 characters and blanks at its end', async () => {
      const user = `${'long-name-'.repeat(10)} `;
      const env = { PATH: '/bin', EMPTY: '', 'odd "name"': 'ä\n😀' };
      const job = newJob({
        orgId,
        user,
        dir: '/tmp/with blank ',
        env,
        capture: true,
        file: 'raw:#!/bin/sh\n',
        command: '',
      });
      await store.create(job);
      expect(await store.find(orgId, job.id, { includeFile: true })).toMatchObject({
        command: '',
        user,
        dir: '/tmp/with blank ',
        env,
        capture: true,
        fileSpecified: true,
        file: 'raw:#!/bin/sh\n',
      });
    });

    it('shows its file only with includeFile', async () => {
      const job = newJob({ orgId, file: 'raw:x' });
      await store.create(job);
      expect(await store.find(orgId, job.id)).toMatchObject({ fileSpecified: true });
      expect(await store.find(orgId, job.id)).not.toHaveProperty('file');
    });

    it('is unknown to another organization, and so is its output', async () => {
      const job = newJob({ orgId });
      await store.create(job);
      store.saveOutput(orgId, job.id, 'web1', Buffer.from('secret'), Buffer.alloc(0));
      await store.flushed();
      expect(await store.find(randomId(), job.id)).toBeUndefined();
      expect(await store.output(randomId(), job.id, 'web1', 'stdout')).toBeUndefined();
    });

    it('is stored with all its nodes or not at all', async () => {
      const job = newJob({ orgId, nodes: ['twice', 'twice'] });
      await expect(store.create(job)).rejects.toMatchObject({ code: 'database_refused' });
      expect(await store.find(orgId, job.id)).toBeUndefined();
    });

    it('may have 10,000 nodes', async () => {
      const job = newJob({ orgId, nodes: Array.from({ length: 10_000 }, (_, n) => `node-${n}`) });
      await store.create(job);
      expect((await store.find(orgId, job.id))?.nodes).toHaveLength(10_000);
    });
  });

  it.each(['', 'x', 'A'.repeat(32), `${'a'.repeat(31)}\0`, 'a'.repeat(33), "'; --"])(
    'finds no job of the id %j',
    async (id) => {
      expect(await store.find(orgId, id)).toBeUndefined();
      expect(await store.output(orgId, id, 'web1', 'stdout')).toBeUndefined();
    },
  );

  it('does not find a job by its id in capitals', async () => {
    const job = newJob({ orgId, id: 'abcdef0123456789abcdef0123456789' });
    await store.create(job);
    expect(await store.find(orgId, job.id.toUpperCase())).toBeUndefined();
  });

  it('lists the jobs of one organization, oldest first, then by id', async () => {
    const at = (ms: number) => Date.UTC(2026, 0, 1) + ms;
    const jobs = [
      newJob({ orgId, id: 'c'.repeat(32), createdAt: at(1) }),
      newJob({ orgId, id: 'b'.repeat(32), createdAt: at(2) }),
      newJob({ orgId, id: 'a'.repeat(32), createdAt: at(1), user: 'deploy', env: { A: 'b' }, capture: true }),
      newJob({ orgId: randomId(), createdAt: at(0) }),
    ];
    for (const job of jobs) await store.create(job);
    const listed = await store.list(orgId);
    expect(listed.map(({ id }) => id[0])).toEqual(['a', 'c', 'b']);
    expect(listed[0]).toEqual({
      id: 'a'.repeat(32),
      command: 'chef-client',
      status: 'voting',
      runTimeout: 3600,
      createdAt: at(1),
      updatedAt: at(1),
      user: 'deploy',
      env: { A: 'b' },
      capture: true,
      fileSpecified: false,
    });
  });

  describe('changes', () => {
    it('of nodes and of the job are visible after flushed()', async () => {
      const job = newJob({ orgId, nodes: ['a', 'b'] });
      await store.create(job);
      store.saveNodeStatus(orgId, job.id, 'a', 'ready', AT);
      store.saveNodeStatus(orgId, job.id, 'a', 'running', AT + 1);
      store.saveNodeStatus(orgId, job.id, 'b', 'nacked', AT + 1, { reason: 'busy' });
      store.saveJobStatus(orgId, job.id, 'running', AT + 2);
      await store.flushed();
      expect(await store.find(orgId, job.id)).toMatchObject({
        status: 'running',
        updatedAt: AT + 2,
        createdAt: job.createdAt,
        nodes: [
          { name: 'a', status: 'running' },
          { name: 'b', status: 'nacked', reason: 'busy' },
        ],
      });
    });

    it('never change a final status', async () => {
      const job = newJob({ orgId, nodes: ['a'] });
      await store.create(job);
      store.saveNodeStatus(orgId, job.id, 'a', 'succeeded', AT, { exitCode: 0 });
      store.saveJobStatus(orgId, job.id, 'complete', AT);
      await store.flushed();
      store.saveNodeStatus(orgId, job.id, 'a', 'crashed', AT + 9);
      store.saveJobStatus(orgId, job.id, 'crashed', AT + 9);
      await store.flushed();
      expect(await store.find(orgId, job.id)).toMatchObject({
        status: 'complete',
        updatedAt: AT,
        nodes: [{ name: 'a', status: 'succeeded', exitCode: 0 }],
      });
    });

    it('add a late result to a node that ended without contact, once, in the same or in a later batch', async () => {
      const job = newJob({ orgId, nodes: ['a', 'b'], capture: true });
      await store.create(job);
      const runDeadline = AT + 60_000;
      store.saveJobStatus(orgId, job.id, 'running', AT, { runDeadline });
      store.saveNodeStatus(orgId, job.id, 'a', 'crashed', AT, { lostContactAt: AT, reason: 'no contact' });
      store.saveNodeStatus(orgId, job.id, 'b', 'crashed', AT, { lostContactAt: AT });
      store.saveLateResult(orgId, job.id, 'b', { status: 'failed', at: AT + 5, exitCode: 3, signal: 'A\0B' });
      await store.flushed();
      expect(await store.loadLost(AT)).toContainEqual({
        orgId,
        jobId: job.id,
        node: 'a',
        capture: true,
        runDeadline,
      });
      store.saveLateResult(orgId, job.id, 'a', { status: 'succeeded', at: AT + 9 });
      await store.flushed();
      store.saveLateResult(orgId, job.id, 'a', { status: 'failed', at: AT + 10 });
      await store.flushed();
      const found = await store.find(orgId, job.id, { details: true });
      expect(found?.nodes).toMatchObject([
        {
          status: 'crashed',
          reason: 'no contact',
          times: { updated: AT },
          lateResult: { status: 'succeeded', at: AT + 9 },
        },
        {
          status: 'crashed',
          times: { updated: AT },
          lateResult: { status: 'failed', at: AT + 5, exitCode: 3, signal: 'AB' },
        },
      ]);
      const lost = await store.loadLost(AT);
      expect(lost.filter(({ jobId }) => jobId === job.id)).toEqual([]);
    });

    it('leave out lost nodes of jobs whose run deadline has passed', async () => {
      const job = newJob({ orgId, nodes: ['a'] });
      await store.create(job);
      store.saveJobStatus(orgId, job.id, 'running', AT, { runDeadline: AT + 1_000 });
      store.saveNodeStatus(orgId, job.id, 'a', 'crashed', AT, { lostContactAt: AT });
      await store.flushed();
      const jobsAt = async (now: number) => (await store.loadLost(now)).map(({ jobId }) => jobId);
      expect(await jobsAt(AT + 999)).toContain(job.id);
      expect(await jobsAt(AT + 1_000)).not.toContain(job.id);
    });

    it('keep details of any size that a client may report', async () => {
      const job = newJob({ orgId, nodes: ['a'] });
      await store.create(job);
      store.saveNodeStatus(orgId, job.id, 'a', 'failed', AT, {
        exitCode: 3_221_225_786,
        signal: 'SIGKILL',
        durationMs: 5_000_000_000.4,
      });
      await store.flushed();
      expect((await store.find(orgId, job.id))?.nodes).toEqual([
        {
          name: 'a',
          status: 'failed',
          exitCode: 3_221_225_786,
          signal: 'SIGKILL',
          durationMs: 5_000_000_000,
        },
      ]);
    });

    it('are stored even if the database cannot hold a detail', async () => {
      const job = newJob({ orgId, nodes: ['a', 'b'] });
      await store.create(job);
      store.saveNodeStatus(orgId, job.id, 'a', 'failed', AT, { durationMs: 1e300 });
      store.saveNodeStatus(orgId, job.id, 'b', 'nacked', AT, {
        signal: 'SIG\0KILL',
        reason: 'no\0 such user',
      });
      await store.flushed();
      expect((await store.find(orgId, job.id))?.nodes).toEqual([
        { name: 'a', status: 'failed', durationMs: Number.MAX_SAFE_INTEGER },
        { name: 'b', status: 'nacked', signal: 'SIGKILL', reason: 'no such user' },
      ]);
    });

    it('affect only the node of that name in that job', async () => {
      const [one, two] = [newJob({ orgId, nodes: ['a', 'b'] }), newJob({ orgId, nodes: ['a'] })];
      await store.create(one);
      await store.create(two);
      store.saveNodeStatus(orgId, one.id, 'a', 'ready', AT);
      store.saveNodeStatus(randomId(), two.id, 'a', 'ready', AT);
      await store.flushed();
      expect((await store.find(orgId, one.id))?.nodes.map(({ status }) => status)).toEqual(['ready', 'new']);
      expect((await store.find(orgId, two.id))?.nodes.map(({ status }) => status)).toEqual(['new']);
    });
  });

  describe('captured output', () => {
    it.each([
      ['text', Buffer.from('hällo\n😀 {"\\u0000"}\\x00')],
      ['nothing', Buffer.alloc(0)],
      ['NUL bytes', Buffer.from('a\0b\0')],
      ['invalid UTF-8', Buffer.from([0xff, 0xfe, 0x80, 0x41])],
      ['every byte value', Buffer.from(Array.from({ length: 256 }, (_, n) => n))],
      ['the largest output of a message', Buffer.alloc(65_536, 0xe9)],
    ])('is returned byte for byte: %s', async (_, bytes) => {
      const job = newJob({ orgId, capture: true });
      await store.create(job);
      store.saveOutput(orgId, job.id, 'web1', bytes, Buffer.from('err'));
      await store.flushed();
      expect(await store.nodeStatus(orgId, job.id, 'web1')).toBe('new');
      expect(await store.nodeStatus(orgId, job.id, 'nobody')).toBeUndefined();
      expect(await store.nodeStatus(randomId(), job.id, 'web1')).toBeUndefined();
      expect(await store.nodeStatus(orgId, 'no id', 'web1')).toBeUndefined();
      expect((await store.output(orgId, job.id, 'web1', 'stdout'))?.equals(bytes)).toBe(true);
      expect(await store.output(orgId, job.id, 'web1', 'stderr')).toEqual(Buffer.from('err'));
    });

    it('is undefined if nothing was captured, or the node is not in the job', async () => {
      const job = newJob({ orgId });
      await store.create(job);
      expect(await store.output(orgId, job.id, 'web1', 'stdout')).toBeUndefined();
      expect(await store.output(orgId, job.id, 'web\0', 'stdout')).toBeUndefined();
    });
  });

  describe('after a restart', () => {
    const event = (seq: number) => ({
      id: `job-${seq}`,
      name: 'rehab',
      data: `{"timestamp":"t","node":"n${seq}"}`,
    });

    it('returns jobs that had not ended, with nodes, options, deadlines and events', async () => {
      const job = newJob({
        orgId,
        nodes: ['b', 'a'],
        quorum: 2,
        createdBy: 'somebody-with-a-name-of-more-than-32-characters',
        user: 'deploy',
        file: 'raw:x',
        env: { A: 'b' },
      });
      const over = newJob({ orgId });
      await store.create(job);
      await store.create(over);
      store.saveEvents(orgId, job.id, 1, [event(1), event(2)]);
      store.saveNodeStatus(orgId, job.id, 'a', 'ready', AT);
      await store.flushed();
      store.saveEvents(orgId, job.id, 3, [event(3)]);
      store.saveJobStatus(orgId, job.id, 'running', AT, { runDeadline: AT + 3_600_000 });
      store.saveJobStatus(orgId, over.id, 'complete', AT);
      await store.flushed();
      const live = (await store.loadLive()).filter((each) => each.orgId === orgId);
      expect(live).toEqual([
        {
          id: job.id,
          orgId,
          command: job.command,
          status: 'running',
          runTimeout: job.runTimeout,
          quorum: 2,
          createdBy: job.createdBy,
          createdAt: job.createdAt,
          updatedAt: AT,
          votingDeadline: job.votingDeadline,
          runDeadline: AT + 3_600_000,
          user: 'deploy',
          env: { A: 'b' },
          capture: false,
          fileSpecified: true,
          file: 'raw:x',
          nodes: [
            { name: 'a', status: 'ready' },
            { name: 'b', status: 'new' },
          ],
          events: [event(1), event(2), event(3)],
        },
      ]);
    });

    it('returns no deleted events', async () => {
      const job = newJob({ orgId });
      await store.create(job);
      store.saveEvents(orgId, job.id, 1, [event(1)]);
      store.deleteEvents(orgId, job.id);
      await store.flushed();
      const live = (await store.loadLive()).filter((each) => each.orgId === orgId);
      expect(live.map(({ events }) => events)).toEqual([[]]);
    });
  });

  it('loads an ended job until its events are deleted', async () => {
    const event = { id: 'job-1', name: 'start', data: '{"timestamp":"x"}' };
    const job = newJob({ orgId });
    await store.create(job);
    store.saveEvents(orgId, job.id, 1, [event]);
    store.saveJobStatus(orgId, job.id, 'complete', AT);
    await store.flushed();
    const live = async () => (await store.loadLive()).filter((each) => each.orgId === orgId);
    expect(await live()).toMatchObject([{ id: job.id, status: 'complete', events: [event] }]);
    store.deleteEvents(orgId, job.id);
    store.saveJobStatus(orgId, job.id, 'complete', AT);
    await store.flushed();
    expect(await live()).toEqual([]);
  });

  it("keeps an organization's events in order and byte for byte, and never deletes the last one", async () => {
    const event = (seq: number) => ({
      id: `org-${seq}`,
      name: 'start',
      data: `{"timestamp":"2026-11-22 08:00:0${seq}.000000Z","job":"x","z":1,"a":2}`,
    });
    for (const seq of [9, 10, 11]) orgEvents.add(orgId, seq, AT + seq, event(seq));
    await store.flushed();
    const mine = async () => (await orgEvents.load()).filter((each) => each.orgId === orgId);
    expect(await mine()).toEqual([9, 10, 11].map((seq) => ({ orgId, seq, at: AT + seq, event: event(seq) })));
    await orgEvents.prune(AT + 10);
    expect((await mine()).map(({ seq }) => seq)).toEqual([10, 11]);
    await orgEvents.prune(AT + 1_000_000);
    expect((await mine()).map(({ seq }) => seq)).toEqual([11]);
  });
});
