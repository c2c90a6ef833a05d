import type { FeedEvent } from '../../shared/protocol/feed-event.js';
import { isJobOver, isNodeDone } from '../../shared/protocol/job-status.js';
import { EVENTS_PER_ROW, type JobEventsWrite, type Write } from './batch-writer.port.js';

/** Returns the same key for writes to the same row. */
const keyOf = (write: Write): string => {
  switch (write.kind) {
    case 'node_status':
      return `n ${write.jobId} ${write.orgId} ${write.node}`;
    case 'job_status':
      return `j ${write.jobId}`;
    case 'unconfirmed_job':
      return `u ${write.jobId}`;
    case 'output':
      return `o ${write.jobId} ${write.node}`;
    case 'job_events':
      return `e ${write.jobId} ${write.firstSeq}`;
    case 'delete_events':
      return `d ${write.jobId}`;
    case 'org_event':
      return `g ${write.orgId} ${write.seq}`;
    case 'node_seen':
      return `s ${write.orgId} ${write.node}`;
  }
};

/** The later write wins, but members that only the earlier one has are kept, and so is a final status. */
const merge = (earlier: Write, later: Write): Write => {
  const isFinal =
    (earlier.kind === 'node_status' && isNodeDone(earlier.status)) ||
    (earlier.kind === 'job_status' && isJobOver(earlier.status));
  return isFinal ? { ...later, ...earlier } : { ...earlier, ...later };
};

/** The index of each job's deletion of events; the job's events before that index need not be stored. */
const indexOfDeletions = (writes: readonly Write[]): ReadonlyMap<string, number> =>
  new Map(writes.flatMap((write, index) => (write.kind === 'delete_events' ? [[write.jobId, index]] : [])));

/**
 * Merges writes to the same row into one, and consecutive events of a job into one row; rows keep the order of their
 * first write. Leaves out events that a later write deletes.
 */
export const coalesce = (writes: readonly Write[]): Write[] => {
  const rows = new Map<string, Write>();
  const deletions = indexOfDeletions(writes);
  const joiner = new EventJoiner();
  for (const [index, write] of writes.entries()) {
    if (write.kind === 'job_events' && index < (deletions.get(write.jobId) ?? 0)) continue;
    const row = write.kind === 'job_events' ? joiner.rowOf(write) : write;
    const key = keyOf(row);
    const earlier = rows.get(key);
    rows.set(key, earlier === undefined || earlier === row ? row : merge(earlier, row));
  }
  return [...rows.values()];
};

/** Joins consecutive events of a job into one row of at most EVENTS_PER_ROW. */
class EventJoiner {
  private readonly last = new Map<string, JobEventsWrite & { readonly events: FeedEvent[] }>();

  /** Returns the row that now contains these events: that of the events before them, or a new one. */
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

/** Memory that a write takes besides its parts of variable size; a high estimate. */
const BASE_BYTES = 300;

/** Estimates how many bytes of memory a write takes. */
export const bytesOf = (write: Write): number => {
  switch (write.kind) {
    case 'output':
      return BASE_BYTES + write.stdout.length + write.stderr.length;
    case 'job_events':
      return write.events.reduce((sum, { data }) => sum + BASE_BYTES + 2 * data.length, BASE_BYTES);
    case 'unconfirmed_job':
      return BASE_BYTES + 2 * write.command.length;
    case 'org_event':
      return BASE_BYTES + 2 * write.event.data.length;
    case 'node_status':
    case 'job_status':
    case 'delete_events':
    case 'node_seen':
      return BASE_BYTES;
  }
};
