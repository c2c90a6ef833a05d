import { Injectable } from '@nestjs/common';
import { BatchWriter } from '../persistence/batch-writer.port.js';
import { Database } from '../persistence/database.port.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { StoredNode, NodeStore } from './node-store.port.js';

interface AddressRow {
  readonly org_id: string;
  readonly node_name: string;
}

interface NodeRow extends AddressRow {
  readonly incarnation_id: string;
  readonly heard_at: Date;
}

const DELETE_UNHEARD = `
  WITH deleted AS (
    DELETE FROM nodes n
    WHERE heard_at < $1 AND NOT EXISTS (
      SELECT FROM node_sessions s WHERE s.org_id = n.org_id AND s.node_name = n.node_name
    )
    RETURNING org_id, node_name
  )
  SELECT org_id, node_name FROM deleted`;

/** Stores the nodes in PostgreSQL. */
@Injectable()
export class PostgresNodeStore implements NodeStore {
  constructor(
    private readonly database: Database,
    private readonly writer: BatchWriter,
  ) {}

  async load(): Promise<readonly StoredNode[]> {
    const rows = (await this.database.query(
      'SELECT org_id, node_name, incarnation_id, heard_at FROM nodes',
    )) as NodeRow[];
    return rows.map((row) => ({
      ...addressOf(row),
      incarnation: row.incarnation_id,
      heardAt: row.heard_at.getTime(),
    }));
  }

  save({ heardAt, ...node }: StoredNode): void {
    this.writer.push({ kind: 'node_seen', ...node, at: heardAt });
  }

  async deleteUnheardSince(time: number): Promise<readonly NodeAddress[]> {
    const rows = (await this.database.query(DELETE_UNHEARD, [new Date(time)])) as AddressRow[];
    return rows.map(addressOf);
  }
}

const addressOf = ({ org_id, node_name }: AddressRow): NodeAddress => ({
  orgId: org_id.trimEnd(),
  node: node_name,
});
