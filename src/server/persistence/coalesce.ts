import type { FeedEvent } from '../../shared/protocol/feed-event.js';
import { isJobOver, isNodeDone } from '../../shared/protocol/job-status.js';
import { EVENTS_PER_ROW, type JobEventsWrite, type Write } from './batch-writer.port.js';

/** Writes with the same key are about the same row. */
const keyOf = (write: Write): string => {
  switch (write.kind) {
    case 'node_status':
      return `n ${write.jobId} ${write.orgId} ${write.node}`;
    case 'job_status':
      return `j ${write.jobId}`;
    case 'unanswered_job':
      return `u ${write.jobId}`;
    case 'output':
      return `o ${write.jobId} ${write.node}`;
    case 'job_events':
      return `e ${write.jobId} ${write.firstSeq}`;
    case 'forget_events':
      return `f ${write.jobId}`;
    case 'org_event':
      return `g ${write.orgId} ${write.seq}`;
    case 'node_seen':
      return `s ${write.orgId} ${write.node}`;
  }
};

/** The later write wins, but keeps what only the earlier one says; a terminal status stays. */
const merge = (earlier: Write, later: Write): Write => {
  const isFinal =
    (earlier.kind === 'node_status' && isNodeDone(earlier.status)) ||
    (earlier.kind === 'job_status' && isJobOver(earlier.status));
  return isFinal ? { ...later, ...earlier } : { ...earlier, ...later };
};

/** Where among the writes each job's events are forgotten: what came of them before need not be stored. */
const forgottenAt = (writes: readonly Write[]): ReadonlyMap<string, number> =>
  new Map(writes.flatMap((write, place) => (write.kind === 'forget_events' ? [[write.jobId, place]] : [])));

/**
 * Makes one write of several that are about the same row, and one row of events that follow each other; rows stay in the
 * order in which they first came. Events that are forgotten again go.
 */
export const coalesce = (writes: readonly Write[]): Write[] => {
  const rows = new Map<string, Write>();
  const forgotten = forgottenAt(writes);
  const joiner = new EventsJoiner();
  for (const [place, write] of writes.entries()) {
    if (write.kind === 'job_events' && place < (forgotten.get(write.jobId) ?? 0)) continue;
    const row = write.kind === 'job_events' ? joiner.rowOf(write) : write;
    const key = keyOf(row);
    const earlier = rows.get(key);
    rows.set(key, earlier === undefined || earlier === row ? row : merge(earlier, row));
  }
  return [...rows.values()];
};

/** Puts a job's events that follow each other into one row, as long as there is room. */
class EventsJoiner {
  private readonly last = new Map<string, JobEventsWrite & { readonly events: FeedEvent[] }>();

  /** The row that these events stand in: that of those before them, or a new one. */
  rowOf(write: JobEventsWrite): JobEventsWrite {
    const last = this.last.get(write.jobId);
    if (
      last !== undefined &&
      write.firstSeq === last.firstSeq + last.events.length &&
      last.events.length + write.events.length <= EVENTS_PER_ROW
    ) {
      last.events.push(...write.events);
      return last;
    }
    const row = { ...write, events: [...write.events] };
    this.last.set(write.jobId, row);
    return row;
  }
}

/** What a write costs besides its variable parts: objects, keys, slots. A guess that is rather too high. */
const BASE_BYTES = 300;

/** About how many bytes of memory a write holds. */
export const bytesOf = (write: Write): number => {
  switch (write.kind) {
    case 'output':
      return BASE_BYTES + write.stdout.length + write.stderr.length;
    case 'job_events':
      return write.events.reduce((sum, { data }) => sum + BASE_BYTES + 2 * data.length, BASE_BYTES);
    case 'unanswered_job':
      return BASE_BYTES + 2 * write.command.length;
    case 'org_event':
      return BASE_BYTES + 2 * write.event.data.length;
    case 'node_status':
    case 'job_status':
    case 'forget_events':
    case 'node_seen':
      return BASE_BYTES;
  }
};
