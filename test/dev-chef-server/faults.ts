import type { ChefRequest } from './answers.js';

/** What goes wrong with the requests that a fault is for. */
export interface Fault {
  /** Which requests; all where it is left out. */
  readonly on?: RegExp;
  /** Of which method; of any where it is left out. */
  readonly method?: string;
  /** Milliseconds before anything is answered. */
  readonly delayMs?: number;
  /** The answer waits for this to settle. */
  readonly until?: Promise<unknown>;
  /** In place of the real answer's; a request that would change something changes nothing. */
  readonly status?: number;
  /** In place of the real answer's; sent as it is. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection is cut without an answer. */
  readonly close?: boolean;
  /** What is asked is done, and the connection then cut without an answer. */
  readonly closeAfter?: boolean;
  /** How many requests it is for, then it is over (default: until it is removed). */
  readonly times?: number;
}

/** The faults that are set now. */
export class Faults {
  private readonly set = new Map<Fault, number>();

  /** Sets a fault; call what is returned to take it away. */
  add(fault: Fault): () => void {
    this.set.set(fault, fault.times ?? Number.POSITIVE_INFINITY);
    return () => void this.set.delete(fault);
  }

  /** Takes all away. */
  clear(): void {
    this.set.clear();
  }

  /** The fault that a request meets, if any: the first that was set for it. */
  meet(request: ChefRequest): Fault | undefined {
    for (const [fault, left] of this.set) {
      if (fault.on?.test(request.target) === false) continue;
      if (fault.method !== undefined && fault.method !== request.method) continue;
      if (left > 1) this.set.set(fault, left - 1);
      else this.set.delete(fault);
      return fault;
    }
    return undefined;
  }
}
