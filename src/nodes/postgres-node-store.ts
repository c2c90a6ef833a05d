import { Inject, Injectable } from '@nestjs/common';
import { BATCH_WRITER, type BatchWriter } from '../persistence/batch-writer.port.js';
import { DATABASE, type Database } from '../persistence/database.port.js';
import type { KnownNode, NodeStore } from './node-store.port.js';

interface NodeRow {
  readonly org_id: string;
  readonly node_name: string;
  readonly incarnation_id: string;
}

/** The nodes that are remembered in PostgreSQL. */
@Injectable()
export class PostgresNodeStore implements NodeStore {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(BATCH_WRITER) private readonly writer: BatchWriter,
  ) {}

  async load(): Promise<readonly KnownNode[]> {
    const rows = (await this.database.query(
      'SELECT org_id, node_name, incarnation_id FROM nodes',
    )) as NodeRow[];
    return rows.map(({ org_id, node_name, incarnation_id }) => ({
      orgId: org_id.trimEnd(),
      node: node_name,
      incarnation: incarnation_id,
    }));
  }

  remember({ orgId, node, incarnation }: KnownNode): void {
    this.writer.push({ kind: 'node_seen', orgId, node, incarnation });
  }
}
