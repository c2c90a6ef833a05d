import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PostgresBatchWriter } from '../../../../src/server/persistence/batch-writer.js';
import type { NodeStatusWrite } from '../../../../src/server/persistence/batch-writer.port.js';
import { Database, OrgOwnership } from '../../../../src/server/persistence/database.port.js';
import { createLogger } from '../../../../src/shared/platform/logger.js';
import { eventually } from '../../../support/eventually.js';

const writeOf = (node: string): NodeStatusWrite => ({
  kind: 'node_status',
  orgId: 'o'.repeat(32),
  jobId: 'j'.repeat(32),
  node,
  status: 'succeeded',
  at: 0,
});

/** A server that owns every organization. */
class OwnerOfAll extends OrgOwnership {
  takeOver(): Promise<void> {
    return Promise.resolve();
  }

  fencesOf(orgIds: readonly string[]): Promise<readonly string[]> {
    return Promise.resolve(orgIds.map(() => '1'));
  }

  write(): Promise<void> {
    return Promise.reject(new Error('not used'));
  }

  check(): void {
    return undefined;
  }
}

/** A database whose code has a bug. */
class BuggyDatabase extends Database {
  readonly ownership = new OwnerOfAll();
  readonly stored: string[] = [];
  /** Whether a statement with these node names causes a TypeError. */
  hasBug: (nodes: readonly string[]) => boolean = () => false;

  query(_sql: string, parameters: readonly unknown[] = []): Promise<unknown[]> {
    const nodes = parameters.flat().filter((value): value is string => /^node\d+$/.test(String(value)));
    if (this.hasBug(nodes)) return Promise.reject(new TypeError('x is undefined'));
    this.stored.push(...nodes);
    return Promise.resolve([]);
  }

  transaction(): Promise<never> {
    return Promise.reject(new Error('not used'));
  }
}

describe('a bug while writes are stored', () => {
  const names = Array.from({ length: 100 }, (_, number) => `node${number}`);
  let database: BuggyDatabase;
  let lines: Record<string, unknown>[];
  let writer: PostgresBatchWriter;

  beforeEach(() => {
    database = new BuggyDatabase();
    lines = [];
    const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
    writer = new PostgresBatchWriter(database, createLogger({ level: 'info', destination: { write } }));
  });

  afterEach(() => writer.drain(0));

  it('costs only the write that causes it, which is logged with the stack', async () => {
    database.hasBug = (nodes) => nodes.includes('node7');
    for (const name of names) writer.push(writeOf(name));
    await writer.flush();
    expect(database.stored).toEqual(names.filter((name) => name !== 'node7'));
    expect(lines).toEqual([
      expect.objectContaining({
        msg: 'dropped a write',
        node: 'node7',
        reason: 'x is undefined',
        stack: expect.stringContaining('batch-writer-bugs.test.ts') as string,
      }),
    ]);
  });

  it('costs no write if each statement fails, and the writes are stored when none does', async () => {
    database.hasBug = () => true;
    for (const name of names) writer.push(writeOf(name));
    const isStored = writer.flush();
    await eventually(() => writer.state.mode === 'waiting');
    expect(writer.state).toMatchObject({ writes: names.length, dropped: 0 });
    database.hasBug = () => false;
    await isStored;
    expect(database.stored).toEqual(names);
    expect(writer.state.dropped).toBe(0);
  });

  it('in a write itself costs only that write', async () => {
    const broken = { ...writeOf('node1'), status: 'succeeded' } as NodeStatusWrite;
    Object.defineProperty(broken, 'exitCode', {
      enumerable: true,
      get: () => {
        throw new RangeError('Invalid time value');
      },
    });
    writer.push(writeOf('node0'));
    writer.push(broken);
    writer.push(writeOf('node2'));
    await writer.flush();
    expect(database.stored).toEqual(['node0', 'node2']);
    expect(lines).toEqual([expect.objectContaining({ msg: 'dropped a write', node: 'node1' })]);
  });
});
