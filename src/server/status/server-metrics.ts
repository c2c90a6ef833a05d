import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, type Registry } from 'prom-client';
import { METRICS } from '../config/config.module.js';
import { LIVE_JOBS, type LiveJobs } from '../jobs/jobs.port.js';
import { FLEET, type Fleet } from '../nodes/nodes.port.js';
import { BATCH_WRITER, type BatchWriter } from '../persistence/batch-writer.port.js';
import { TRANSPORT_COUNTS, type TransportCounts } from '../transport/transport.port.js';

/** One value, or one for each value of a label. */
type Reading = number | Iterable<readonly [labelValue: string, value: number]>;

/**
 * The metrics that are read off the features when somebody asks: what is counted on hot paths is a plain number there.
 * Features whose events are rare enough keep their own.
 */
@Injectable()
export class ServerMetrics {
  constructor(
    @Inject(METRICS) private readonly registry: Registry,
    @Inject(FLEET) private readonly fleet: Fleet,
    @Inject(LIVE_JOBS) private readonly jobs: LiveJobs,
    @Inject(TRANSPORT_COUNTS) private readonly traffic: TransportCounts,
    @Inject(BATCH_WRITER) private readonly writer: BatchWriter,
  ) {
    this.addNodesAndJobs();
    this.addTraffic();
    this.addWriter();
    this.addProcess();
  }

  /** All metrics of the server in the text format of Prometheus. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  private addNodesAndJobs(): void {
    const { fleet, jobs } = this;
    this.gauge(
      'push_jobs_nodes',
      'Nodes heard since the start',
      () => Object.entries(fleet.tally()),
      'state',
    );
    this.gauge('push_jobs_jobs', 'Jobs that go on', () => jobs.tally().live, 'status');
    this.counter(
      'push_jobs_jobs_ended_total',
      'Jobs that ended since the start',
      () => jobs.tally().ended,
      'outcome',
    );
    this.counter(
      'push_jobs_output_chunks_total',
      'Pieces of output that nodes sent while they ran',
      () => jobs.tally().output,
      'outcome',
    );
  }

  private addTraffic(): void {
    const { traffic } = this;
    this.counter('push_jobs_messages_received_total', 'Valid messages from nodes', () => traffic.received);
    this.counter(
      'push_jobs_messages_dropped_total',
      'Messages from nodes that were dropped',
      () => traffic.dropped,
      'reason',
    );
    this.counter('push_jobs_messages_sent_total', 'Messages handed to ZeroMQ', () => traffic.sent);
    this.counter('push_jobs_messages_unsent_total', 'Messages that went nowhere', () => traffic.unsent);
    this.counter(
      'push_jobs_connections_refused_total',
      'Connections of nodes with a Curve key that is not accepted',
      () => traffic.refused,
    );
    this.gauge(
      'push_jobs_previous_key_connections',
      'Connections of nodes that know the server by its previous Curve key',
      () => traffic.previousKeyConnections,
    );
    this.gauge(
      'push_jobs_heartbeat_lag_seconds',
      'How late the last server heartbeat was sent',
      () => traffic.heartbeatLagMs / 1000,
    );
  }

  private addWriter(): void {
    const { writer } = this;
    this.gauge(
      'push_jobs_write_queue_writes',
      'Changes that wait for the database',
      () => writer.state.writes,
    );
    this.gauge('push_jobs_write_queue_bytes', 'About how much memory they take', () => writer.state.bytes);
    this.counter('push_jobs_writes_dropped_total', 'Changes that were given up', () => writer.state.dropped);
  }

  private addProcess(): void {
    this.gauge('process_resident_memory_bytes', 'Memory of the process', () => process.memoryUsage.rss());
    this.counter('process_cpu_seconds_total', 'CPU time of the process, all threads', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
  }

  private gauge(name: string, help: string, read: () => Reading, label?: string): void {
    new Gauge({
      ...this.described(name, help, label),
      collect() {
        this.reset();
        for (const [labels, value] of samplesOf(read(), label)) this.set(labels, value);
      },
    });
  }

  /** The total is kept elsewhere, so it is set anew each time. */
  private counter(name: string, help: string, read: () => Reading, label?: string): void {
    new Counter({
      ...this.described(name, help, label),
      collect() {
        this.reset();
        for (const [labels, value] of samplesOf(read(), label)) this.inc(labels, value);
      },
    });
  }

  private described(name: string, help: string, label: string | undefined) {
    return { name, help, labelNames: label === undefined ? [] : [label], registers: [this.registry] };
  }
}

const samplesOf = (
  reading: Reading,
  label = '',
): (readonly [labels: Record<string, string>, value: number])[] =>
  typeof reading === 'number'
    ? [[{}, reading]]
    : Array.from(reading, ([labelValue, value]) => [{ [label]: labelValue }, value] as const);
