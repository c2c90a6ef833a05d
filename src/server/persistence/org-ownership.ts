import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Leadership } from '../config/leadership.port.js';
import { type Database, NotOwner, type OrgOwnership } from './database.port.js';

/** How long the claim of all organizations waits for statements in progress, in milliseconds. */
const PATIENCE_MS = 5_000;

/** How often the claim of all organizations is tried. */
const ATTEMPTS = 3;

/** Two servers that take over at the same time do so one after the other. Does not conflict with FOR SHARE. */
const ONE_AT_A_TIME = 'LOCK TABLE servers IN SHARE ROW EXCLUSIVE MODE';

/** Waits for claims of the other servers in progress, and ends their right to claim more. */
const REMOVE_OTHERS = 'DELETE FROM servers WHERE id <> $1';

const REGISTER = 'INSERT INTO servers (id, host) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING';

/** Waits for writes of the former owners in progress. Locks in the order in which batches do. */
const CLAIM_ALL = `
  WITH known AS MATERIALIZED (SELECT org_id FROM org_owners ORDER BY org_id FOR UPDATE),
  claimed AS (
    UPDATE org_owners o SET server_id = $1, fence = o.fence + 1 FROM known WHERE o.org_id = known.org_id
    RETURNING o.org_id, o.fence
  )
  SELECT org_id, fence::text AS fence FROM claimed`;

/**
 * Claims organizations, if this server may still do so. A claim that is repeated because its reply was lost changes
 * nothing.
 */
const CLAIM = `
  WITH me AS MATERIALIZED (SELECT id FROM servers WHERE id = $1 FOR SHARE),
  claimed AS (
    INSERT INTO org_owners AS o (org_id, server_id, fence)
    SELECT org_id, me.id, 1 FROM me, unnest($2::bpchar[]) AS org_id ORDER BY org_id
    ON CONFLICT (org_id) DO UPDATE
      SET server_id = excluded.server_id, fence = o.fence + (o.server_id <> excluded.server_id)::int
    RETURNING org_id, fence
  )
  SELECT org_id, fence::text AS fence FROM claimed`;

/**
 * Ends the connections on which other servers write, claim or take over. A network that failed between two parts of a
 * message leaves a statement, and its locks, as long as its connection.
 */
const END_OTHERS = `
  SELECT pg_terminate_backend(pid) FROM pg_locks
  WHERE relation IN ('org_owners'::regclass, 'servers'::regclass) AND granted AND pid <> pg_backend_pid()
    AND mode IN ('RowShareLock', 'ShareRowExclusiveLock')
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

interface ClaimedRow {
  readonly org_id: string;
  readonly fence: string;
}

/**
 * The organizations of this server in the tables `servers` and `org_owners`.
 *
 * A statement that changes an organization locks the owner's row FOR SHARE, and changes nothing if the row has another
 * fence. A take-over changes that row: so it waits for such a statement, or the statement sees the new fence.
 */
export class PostgresOrgOwnership implements OrgOwnership {
  /** Identifies this process among all servers that ever used the database. */
  private readonly serverId = randomBytes(16).toString('hex');
  /** The fences of the claimed organizations. They are bigints, and only PostgreSQL compares them. */
  private readonly fences = new Map<string, string>();

  constructor(
    private readonly database: Database,
    private readonly leadership: Leadership,
  ) {}

  async takeOver(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.claimAll();
        return;
      } catch (thrown) {
        if (attempt === ATTEMPTS) throw thrown;
        await this.database.query(END_OTHERS);
      }
    }
  }

  async fencesOf(orgIds: readonly string[]): Promise<readonly string[]> {
    const unclaimed = orgIds.filter((orgId) => !this.fences.has(orgId));
    if (unclaimed.length > 0) {
      this.note(await this.database.query(CLAIM, [this.serverId, unclaimed], 'claim_orgs'));
    }
    return orgIds.map((orgId) => this.fences.get(orgId) ?? this.refuse());
  }

  async write(orgId: string, sql: string, parameters: readonly unknown[], name?: string): Promise<void> {
    const [fence] = await this.fencesOf([orgId]);
    const rows = await this.database.query(sql, [...parameters, orgId, fence], name);
    this.check(rows, 1);
  }

  check(rows: readonly unknown[], owned: number): void {
    const [row] = rows as { readonly owned: number }[];
    if (row?.owned !== owned) this.refuse();
  }

  private async claimAll(): Promise<void> {
    await this.database.transaction(async (query) => {
      await query(`SET LOCAL lock_timeout = ${PATIENCE_MS}`);
      await query(ONE_AT_A_TIME);
      await query(REMOVE_OTHERS, [this.serverId]);
      await query(REGISTER, [this.serverId, hostname()]);
      this.note(await query(CLAIM_ALL, [this.serverId]));
    });
  }

  private note(rows: readonly unknown[]): void {
    for (const { org_id, fence } of rows as ClaimedRow[]) this.fences.set(org_id.trimEnd(), fence);
  }

  private refuse(): never {
    this.leadership.resign('another server has taken over the database');
    throw new NotOwner();
  }
}
