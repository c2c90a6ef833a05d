import { Injectable } from '@nestjs/common';
import { BatchWriter } from '../../persistence/batch-writer.port.js';
import { Database } from '../../persistence/database.port.js';
import type { FeedEvent } from '../../../shared/protocol/feed-event.js';
import type { OrgEventStore, StoredOrgEvent } from '../org-event-store.port.js';

const LOAD = `
  SELECT org_id, seq::float8 AS seq, (extract(epoch FROM at) * 1000)::float8 AS at, name, data::text AS data
  FROM org_events ORDER BY org_id, seq`;

const PRUNE = `
  DELETE FROM org_events e
  WHERE e.at < to_timestamp($1::float8 / 1000)
    AND EXISTS (SELECT FROM org_events later WHERE later.org_id = e.org_id AND later.seq > e.seq)`;

interface OrgEventRow {
  readonly org_id: string;
  readonly seq: number;
  readonly at: number;
  readonly name: string;
  readonly data: string;
}

/** Events of organization feeds in PostgreSQL; inserts go through the batch writer. */
@Injectable()
export class PostgresOrgEventStore implements OrgEventStore {
  constructor(
    private readonly database: Database,
    private readonly writer: BatchWriter,
  ) {}

  add(orgId: string, seq: number, at: number, event: FeedEvent): void {
    this.writer.push({ kind: 'org_event', orgId, seq, at, event });
  }

  async load(): Promise<StoredOrgEvent[]> {
    const rows = (await this.database.query(LOAD)) as OrgEventRow[];
    return rows.map(({ org_id, seq, at, name, data }) => ({
      orgId: org_id.trimEnd(),
      seq,
      at: Math.round(at),
      event: { id: `org-${seq}`, name, data },
    }));
  }

  async prune(before: number): Promise<void> {
    await this.database.query(PRUNE, [before]);
  }
}
