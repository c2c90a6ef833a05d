import type { Silence } from '../../nodes/nodes.port.js';

interface SilentNode extends Silence {
  readonly cause: 'offline' | 'restart';
}

/**
 * The nodes of one job that are silent: offline, or not heard since the server restarted. A node that is heard is removed
 * at once; one whose job node has ended, when the caller says so.
 */
export class SilentNodes {
  private readonly nodes = new Map<string, SilentNode>();

  get size(): number {
    return this.nodes.size;
  }

  wentOffline(node: string, silence: Silence): void {
    this.nodes.set(node, { ...silence, cause: 'offline' });
  }

  /** The node has not been heard since the server restarted. */
  notHeardSinceRestart(node: string, silence: Silence): void {
    this.nodes.set(node, { ...silence, cause: 'restart' });
  }

  /** Runs for each message of a node in a live job. */
  heard(node: string): void {
    if (this.nodes.size > 0) this.nodes.delete(node);
  }

  remove(node: string): void {
    this.nodes.delete(node);
  }

  find(node: string): SilentNode | undefined {
    return this.nodes.get(node);
  }

  entries(): IterableIterator<[node: string, silence: SilentNode]> {
    return this.nodes.entries();
  }
}
