interface Flight<T> {
  readonly current: Promise<T>;
  /** Shared by all callers that came while `current` was running. */
  next?: Promise<T>;
}

/**
 * Shares one lookup among concurrent callers with the same key. A caller that comes while a lookup is running shares the
 * next one, because the running one may have read data that has changed since. So there are at most two lookups per key
 * for any number of callers, and no result is older than the call.
 */
export class SingleFlight<T> {
  private readonly flights = new Map<string, Flight<T>>();

  /** Starts a lookup, or joins one of the same key that has not started yet. */
  run(key: string, lookUp: () => Promise<T>): Promise<T> {
    const flight = this.flights.get(key);
    if (flight === undefined) return this.start(key, lookUp);
    if (flight.next === undefined) {
      const start = () => this.start(key, lookUp);
      flight.next = flight.current.then(start, start);
    }
    return flight.next;
  }

  private start(key: string, lookUp: () => Promise<T>): Promise<T> {
    const flight: Flight<T> = { current: lookUp() };
    this.flights.set(key, flight);
    const end = (): void => {
      if (flight.next === undefined) this.flights.delete(key);
    };
    flight.current.then(end, end);
    return flight.current;
  }
}
