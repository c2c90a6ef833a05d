import type { ChefRequest } from './responses.js';

/** A fault: how matching requests fail. */
export interface Fault {
  /** Matches paths with their query (default: all). */
  readonly on?: RegExp;
  /** Matches the method (default: all). */
  readonly method?: string;
  /** Delay of the response in milliseconds. */
  readonly delayMs?: number;
  /** The response waits until this settles. */
  readonly until?: Promise<unknown>;
  /** Replaces the status; a request with another method than GET then changes nothing. */
  readonly status?: number;
  /** Replaces the body; sent unchanged. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Closes the connection without a response. */
  readonly close?: boolean;
  /** Handles the request, then closes the connection without a response. */
  readonly closeAfter?: boolean;
  /** Number of requests that fail (default: all until the fault is removed). */
  readonly times?: number;
}

/** The active faults. */
export class Faults {
  private readonly active = new Map<Fault, number>();

  /** Adds a fault; returns a function that removes it. */
  add(fault: Fault): () => void {
    this.active.set(fault, fault.times ?? Number.POSITIVE_INFINITY);
    return () => void this.active.delete(fault);
  }

  /** Removes all faults. */
  clear(): void {
    this.active.clear();
  }

  /** Returns the first active fault that matches a request, and counts the match. */
  match(request: ChefRequest): Fault | undefined {
    for (const [fault, left] of this.active) {
      if (fault.on?.test(request.target) === false) continue;
      if (fault.method !== undefined && fault.method !== request.method) continue;
      if (left > 1) this.active.set(fault, left - 1);
      else this.active.delete(fault);
      return fault;
    }
    return undefined;
  }
}
