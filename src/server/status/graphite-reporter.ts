import { once } from 'node:events';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client';
import { CLOCK, LOGGER, METRICS } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import type { Clock } from '../../shared/lib/clock.js';
import { setLongTimer, type Timer } from '../../shared/lib/timer.js';

/** Graphite keeps its newest values no closer than this. */
const REPORT_EVERY_MS = 10_000;

/** A Graphite that has not taken a report by then gets the next one. */
const REPORT_WITHIN_MS = 5_000;

const PREFIX = 'opscode-pushy-server';

/**
 * Sends the metrics to Graphite where `enable_graphite` says so, at the start and every ten seconds: lines of Carbon's
 * plain protocol, `opscode-pushy-server.HOST.METRIC[.LABEL…] VALUE SECONDS`. A Graphite that is away costs only the
 * reports that it misses.
 */
@Injectable()
export class GraphiteReporter implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger: Logger;
  private readonly stopping = new AbortController();
  private timer: Timer | undefined;
  private running: Promise<void> = Promise.resolve();
  private isAway = false;

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    @Inject(METRICS) private readonly registry: Registry,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ scope: 'graphite' });
  }

  /** Throws an AppError where nobody said where Graphite is. */
  onApplicationBootstrap(): void {
    const { enable_graphite, graphite_host, graphite_port } = this.config;
    if (!enable_graphite) return;
    if (graphite_host === undefined) throw graphiteHostMissing();
    this.reportAndGoOn(graphite_host, graphite_port);
  }

  async onApplicationShutdown(): Promise<void> {
    this.timer?.cancel();
    this.stopping.abort();
    await this.running;
  }

  private reportAndGoOn(host: string, port: number): void {
    this.timer = setLongTimer(REPORT_EVERY_MS, () => this.reportAndGoOn(host, port));
    this.running = this.report(host, port).then(
      () => this.note(undefined, host, port),
      (thrown: unknown) => this.note(messageOf(thrown), host, port),
    );
  }

  private async report(host: string, port: number): Promise<void> {
    const seconds = Math.floor(this.clock.now() / 1000);
    const text = linesOf(await this.registry.getMetricsAsJSON(), seconds);
    const signal = AbortSignal.any([this.stopping.signal, AbortSignal.timeout(REPORT_WITHIN_MS)]);
    const socket = connect({ host, port, signal });
    try {
      socket.resume().end(text);
      await once(socket, 'close');
    } finally {
      socket.destroy();
    }
  }

  /** Only a change is worth a line in the log. */
  private note(reason: string | undefined, host: string, port: number): void {
    const isAway = reason !== undefined;
    if (isAway === this.isAway || this.stopping.signal.aborted) return;
    this.isAway = isAway;
    if (isAway) this.logger.warn({ host, port, reason }, 'Graphite takes no metrics');
    else this.logger.info({ host, port }, 'Graphite takes metrics again');
  }
}

/** What is to be done where `enable_graphite` is on and nobody said where Graphite is. */
const graphiteHostMissing = (): AppError =>
  new AppError(
    'graphite_host',
    'enable_graphite is true, but graphite_host is missing: the host that takes the metrics (graphite_port: 2003)',
  );

/** Dots part the steps of a path, so none may stand in one. */
const step = (text: string | number): string => String(text).replaceAll(/[^\w-]/g, '_');

/** Buckets of histograms would be most of it; their sum and count say what graphs need. */
const linesOf = (metrics: readonly MetricObjectWithValues<MetricValue<string>>[], seconds: number): string =>
  metrics
    .flatMap(({ name, values }) =>
      values
        .filter(({ labels }) => labels.le === undefined)
        .map((sample) => {
          const metric = 'metricName' in sample ? String(sample.metricName) : name;
          const labels = Object.values(sample.labels).filter((label) => label !== undefined);
          const path = [PREFIX, hostname(), metric, ...labels].map(step).join('.');
          return `${path} ${sample.value} ${seconds}\n`;
        }),
    )
    .join('');
