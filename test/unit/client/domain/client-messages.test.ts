import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type ClientIdentity,
  heartbeatMessage,
  jobMessage,
} from '../../../../src/client/domain/client-messages.js';
import type { JobMachine, JobReport } from '../../../../src/client/domain/job-machine.js';
import { clientMessageSchema } from '../../../../src/shared/protocol/client-message.js';

interface Recording {
  readonly frames: readonly { readonly direction: string; readonly type: string; readonly body: string }[];
}

const recording = JSON.parse(readFileSync('test/fixtures/command-channel.json', 'utf8')) as Recording;
const recorded = recording.frames
  .filter(({ direction }) => direction === 'client-to-server')
  .map(({ body }) => JSON.parse(body) as Record<string, unknown>);

const IDENTITY: ClientIdentity = {
  node: 'node1',
  org: 'acme',
  host: 'vm',
  incarnationId: '40452216-c463-4dcf-a99f-f24b398da7d8',
  version: '1.2.3',
};

/** Builds the message that our client would have sent instead of a recorded one. */
const rebuild = (original: Record<string, unknown>): Record<string, unknown> => {
  const stamp = { sequence: original.sequence as number, nowMs: Date.parse(original.timestamp as string) };
  const jobId = original.job_id as string | null;
  const type = original.type as JobReport['type'] | 'heartbeat';
  if (type === 'heartbeat') {
    return heartbeatMessage(
      IDENTITY,
      { mode: original.job_state as JobMachine['mode'], jobId },
      undefined,
      stamp,
    ) as Record<string, unknown>;
  }
  const output = {
    stdout: Buffer.from((original.stdout as string | undefined) ?? ''),
    stderr: Buffer.from((original.stderr as string | undefined) ?? ''),
    droppedBytes: { stdout: 0, stderr: 0 },
  };
  const result = { exitCode: type === 'succeeded' ? 0 : 1, signal: null, durationMs: 12, output };
  const report = { type, jobId, reason: 'why', result } as unknown as JobReport;
  const fields: Record<string, unknown> = { ...report };
  if (!type.startsWith('nack')) delete fields.reason;
  if (type !== 'succeeded' && type !== 'failed') delete fields.result;
  return jobMessage(IDENTITY, fields as unknown as JobReport, stamp, { maxBytes: 63_000 }) as Record<
    string,
    unknown
  >;
};

describe('builds each message that the Ruby client sent', () => {
  test.each(recorded.map((body) => [body.type, body.sequence, body]))('%s %i', (_type, _sequence, body) => {
    const ours = rebuild(body);
    expect(ours).toMatchObject(body);
    const added = Object.keys(ours).filter((name) => !(name in body));
    const known = ['client_version', 'exit_code', 'duration_ms', 'reason'];
    expect(added.filter((name) => !known.includes(name))).toEqual([]);
    expect(clientMessageSchema.safeParse(ours).success).toBe(true);
  });
});

test('heartbeats report each mode as a job state that servers know', () => {
  const states = (['idle', 'preparing', 'committed', 'running', 'stopping', 'closed'] as const).map(
    (mode) =>
      (
        heartbeatMessage(IDENTITY, { mode, jobId: null }, undefined, { sequence: 1, nowMs: 0 }) as {
          job_state: string;
        }
      ).job_state,
  );
  expect(states).toEqual(['idle', 'committed', 'committed', 'running', 'running', 'idle']);
});

test('heartbeat and ack_run contain the output interval if the server can request output', () => {
  const stamp = { sequence: 1, nowMs: 0 };
  const started = { type: 'ack_run', jobId: 'j' } as const;
  const running = { mode: 'running', jobId: 'j' } as const;
  expect(heartbeatMessage(IDENTITY, running, 250, stamp)).toMatchObject({ output_every_ms: 250 });
  expect(jobMessage(IDENTITY, started, stamp, { maxBytes: 9, outputIntervalMs: 0 })).toMatchObject({
    output_every_ms: 0,
  });
  expect(jobMessage(IDENTITY, started, stamp, { maxBytes: 9 })).not.toHaveProperty('output_every_ms');
});

test('the result of a command that a signal ended has no exit code', () => {
  const result = { exitCode: null, signal: 'SIGKILL', durationMs: 5 };
  const message = jobMessage(
    IDENTITY,
    { type: 'failed', jobId: 'j', result },
    { sequence: 1, nowMs: 0 },
    { maxBytes: 63_000 },
  );
  expect(message).toMatchObject({ signal: 'SIGKILL', duration_ms: 5 });
  expect(message).not.toHaveProperty('exit_code');
});

test('no message is longer than the limit, whatever the output', () => {
  for (const text of ['\x01"\\\n'.repeat(50_000), 'é😀'.repeat(30_000), 'x'.repeat(200_000)]) {
    const output = {
      stdout: Buffer.from(text),
      stderr: Buffer.from(text),
      droppedBytes: { stdout: 0, stderr: 0 },
    };
    const result = { exitCode: 0, signal: null, durationMs: 5, output };
    const report = { type: 'succeeded', jobId: 'j', result } as const;
    const bytes = Buffer.byteLength(
      JSON.stringify(jobMessage(IDENTITY, report, { sequence: 1, nowMs: 0 }, { maxBytes: 10_000 })),
    );
    expect(bytes).toBeLessThanOrEqual(10_000);
    expect(bytes).toBeGreaterThan(9_700);
  }
});
