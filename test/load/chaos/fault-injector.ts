import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/eventually.js';
import type { ChaosInstallation } from './chaos-installation.js';
import type { SeededRandom } from './seeded-random.js';

export const FAULT_KINDS = ['kill', 'database', 'failover'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

type Fault = () => Promise<void>;

const UP_WITHIN_MS = 120_000;

/** How long nothing is broken between two faults; the shorter ones hit a server that has just come up. */
const PAUSE_MS = [1_000, 25_000] as const;

/** So long that the standby has ended the connection of a stalled active server and taken over. */
const STALL_MS = [8_000, 16_000] as const;

const OUTAGE_MS = [200, 10_000] as const;

/** Probability that the next fault does not wait until a killed server is up. */
const AGAIN_BEFORE_UP = 0.2;

const END_CONNECTIONS = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'push_jobs' AND pid <> pg_backend_pid()`;

/** Breaks an installation at random moments and repairs it. */
export class FaultInjector {
  /** How often each fault happened. */
  readonly counts = new Map<string, number>();

  constructor(
    private readonly installation: ChaosInstallation,
    private readonly kinds: readonly [FaultKind, ...FaultKind[]],
    private readonly random: SeededRandom,
    private readonly report: (line: string) => void,
  ) {}

  /** Injects faults until the signal aborts; at the end everything is repaired. */
  async run(end: AbortSignal): Promise<void> {
    while (await this.pause(end)) {
      const [name, inject] = this.random.pick(this.faultsOf(this.random.pick(this.kinds)));
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
      this.report(name);
      await inject();
    }
  }

  /** Returns false if the end has come. */
  private async pause(end: AbortSignal): Promise<boolean> {
    const [low, high] = PAUSE_MS;
    await sleep(this.random.between(low, high), undefined, { signal: end }).catch(() => undefined);
    return !end.aborted;
  }

  private faultsOf(kind: FaultKind): readonly [[string, Fault], ...[string, Fault][]] {
    switch (kind) {
      case 'kill':
        return [['kill: all servers', () => this.killServers()]];
      case 'database':
        return [
          ['database: stopped', () => this.endDatabase('SIGINT')],
          ['database: crashed', () => this.endDatabase('SIGQUIT')],
          ['database: connections ended', () => this.endConnections()],
          ['database: path stalls', () => this.stallPaths()],
          ['database: path drops bytes', () => this.dropBytes()],
        ];
      case 'failover':
        return [
          ['failover: active server killed', () => this.killActive()],
          ['failover: active server hangs', () => this.hangActive()],
          ["failover: active server's database path stalls", () => this.stallActive()],
        ];
    }
  }

  private outage(): Promise<void> {
    return sleep(this.random.between(...OUTAGE_MS));
  }

  /** Kills the active server, and the standby too, so that nothing takes over; sometimes again while it starts. */
  private async killServers(): Promise<void> {
    const { installation } = this;
    const { starts } = installation;
    const downMs = this.random.between(...OUTAGE_MS);
    for (const { server } of installation.machines) server.kill(downMs);
    await sleep(downMs);
    if (this.random.next() < AGAIN_BEFORE_UP) return;
    await eventually(() => installation.starts > starts, { withinMs: UP_WITHIN_MS, everyMs: 100 });
  }

  private async endDatabase(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const { cluster } = this.installation;
    await cluster.end(signal);
    await this.outage();
    await cluster.startAgain();
  }

  private async endConnections(): Promise<void> {
    await this.installation.sql(END_CONNECTIONS);
  }

  private async stallPaths(): Promise<void> {
    const { machines } = this.installation;
    for (const { toDatabase } of machines) toDatabase.stall();
    await this.outage();
    for (const { toDatabase } of machines) toDatabase.heal();
  }

  /** A connection that lost bytes cannot go on: it is reset at the end. */
  private async dropBytes(): Promise<void> {
    const { machines } = this.installation;
    for (const { toDatabase } of machines) toDatabase.dropBytes();
    await this.outage();
    for (const { toDatabase } of machines) {
      toDatabase.cut();
      toDatabase.heal();
    }
  }

  private async killActive(): Promise<void> {
    await this.takeOver(() => this.installation.active.server.kill(this.random.between(...OUTAGE_MS)));
  }

  private async hangActive(): Promise<void> {
    const { server } = this.installation.active;
    await this.takeOver(() => server.signal('SIGSTOP'));
    server.signal('SIGCONT');
  }

  /** When the path heals, the statements that it held back reach the database. */
  private async stallActive(): Promise<void> {
    const { toDatabase } = this.installation.active;
    await this.takeOver(() => toDatabase.stall());
    toDatabase.heal();
  }

  /** Waits for a random time after the fault, and at least until a server has come up. */
  private async takeOver(fault: () => void): Promise<void> {
    const { installation } = this;
    const { starts } = installation;
    fault();
    await sleep(this.random.between(...STALL_MS));
    await eventually(() => installation.starts > starts, { withinMs: UP_WITHIN_MS, everyMs: 100 });
  }
}
