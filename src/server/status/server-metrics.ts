import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { LiveJobs } from '../jobs/jobs.port.js';
import { NodeDirectory } from '../nodes/nodes.port.js';
import { BatchWriter } from '../persistence/batch-writer.port.js';
import { TransportCounts } from '../transport/transport.port.js';

/** One value, or one per value of a label. */
type Reading = number | Iterable<readonly [labelValue: string, value: number]>;

/**
 * Metrics whose values are read from the features on each request: on hot paths a feature only increments a number.
 * Features with rare events register their own metrics.
 */
@Injectable()
export class ServerMetrics {
  constructor(
    private readonly registry: Registry,
    private readonly nodes: NodeDirectory,
    private readonly jobs: LiveJobs,
    private readonly traffic: TransportCounts,
    private readonly writer: BatchWriter,
  ) {
    this.addNodesAndJobs();
    this.addTraffic();
    this.addWriter();
    collectDefaultMetrics({ register: registry });
  }

  /** Returns all metrics of the server in the Prometheus text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  private addNodesAndJobs(): void {
    const { nodes, jobs } = this;
    this.gauge(
      'push_jobs_nodes',
      'Nodes heard since the start',
      () => Object.entries(nodes.countByState()),
      'state',
    );
    this.gauge('push_jobs_jobs', 'Live jobs', () => jobs.tally().live, 'status');
    this.counter(
      'push_jobs_jobs_ended_total',
      'Jobs that ended since the start',
      () => jobs.tally().ended,
      'outcome',
    );
    this.counter(
      'push_jobs_output_chunks_total',
      'Chunks of live output from nodes',
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
    this.counter('push_jobs_messages_sent_total', 'Messages passed to ZeroMQ', () => traffic.sent);
    this.counter('push_jobs_messages_unsent_total', 'Messages that could not be sent', () => traffic.unsent);
    this.counter(
      'push_jobs_connections_refused_total',
      'Connections of nodes with a Curve key that is not accepted',
      () => traffic.refused,
    );
    this.gauge(
      'push_jobs_previous_key_connections',
      'Connections of nodes that use the previous Curve key of the server',
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
    this.gauge('push_jobs_write_queue_writes', 'Queued writes to the database', () => writer.state.writes);
    this.gauge(
      'push_jobs_write_queue_bytes',
      'Approximate memory of the queued writes',
      () => writer.state.bytes,
    );
    this.counter('push_jobs_writes_dropped_total', 'Writes that were dropped', () => writer.state.dropped);
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

  /** The feature has the total, so the counter is reset to it each time. */
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
