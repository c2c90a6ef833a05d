import { once } from 'node:events';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client';
import { LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { Clock } from '../../shared/lib/clock.js';
import { setLongTimer, type Timer } from '../../shared/lib/timer.js';

/** Graphite's default resolution for its newest values. */
const REPORT_INTERVAL_MS = 10_000;

/** A report that takes longer is abandoned; the next one follows. */
const REPORT_TIMEOUT_MS = 5_000;

const PREFIX = 'opscode-pushy-server';

/**
 * Sends the metrics to Graphite at the start and every ten seconds if `enable_graphite` is true, as lines of Carbon's
 * plaintext protocol: `opscode-pushy-server.HOST.METRIC[.LABEL…] VALUE SECONDS`. A report that fails is not repeated.
 */
@Injectable()
export class GraphiteReporter implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger: Logger;
  private readonly stopping = new AbortController();
  private timer: Timer | undefined;
  private running: Promise<void> = Promise.resolve();
  private isUnavailable = false;

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    private readonly registry: Registry,
    private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ scope: 'graphite' });
  }

  /** Throws an AppError if `graphite_host` is missing. */
  onApplicationBootstrap(): void {
    const { enable_graphite, graphite_host, graphite_port } = this.config;
    if (!enable_graphite) return;
    if (graphite_host === undefined) throw graphiteHostMissing();
    this.reportRepeatedly(graphite_host, graphite_port);
  }

  async onApplicationShutdown(): Promise<void> {
    this.timer?.cancel();
    this.stopping.abort();
    await this.running;
  }

  private reportRepeatedly(host: string, port: number): void {
    this.timer = setLongTimer(REPORT_INTERVAL_MS, () => this.reportRepeatedly(host, port));
    this.running = this.report(host, port).then(
      () => this.logChange(undefined, host, port),
      (thrown: unknown) => this.logChange(messageOf(thrown), host, port),
    );
  }

  private async report(host: string, port: number): Promise<void> {
    const seconds = Math.floor(this.clock.now() / 1000);
    const text = linesOf(await this.registry.getMetricsAsJSON(), seconds);
    const signal = AbortSignal.any([this.stopping.signal, AbortSignal.timeout(REPORT_TIMEOUT_MS)]);
    const socket = connect({ host, port, signal });
    try {
      socket.resume().end(text);
      await once(socket, 'close');
    } finally {
      socket.destroy();
    }
  }

  /** Logs only changes, not every report. */
  private logChange(reason: string | undefined, host: string, port: number): void {
    const isUnavailable = reason !== undefined;
    if (isUnavailable === this.isUnavailable || this.stopping.signal.aborted) return;
    this.isUnavailable = isUnavailable;
    if (isUnavailable) this.logger.warn({ host, port, reason }, 'Graphite does not accept metrics');
    else this.logger.info({ host, port }, 'Graphite accepts metrics again');
  }
}

const graphiteHostMissing = (): AppError =>
  new AppError(
    'graphite_host',
    'enable_graphite is true, but graphite_host is missing; set it to the host of Graphite (graphite_port: 2003)',
  );

/** Dots separate the segments of a path, so a segment must not contain one. */
const pathSegment = (text: string | number): string => String(text).replaceAll(/[^\w-]/g, '_');

/** Leaves out the buckets of histograms, since graphs need only sum and count, and NaN, the mean of no samples. */
const linesOf = (metrics: readonly MetricObjectWithValues<MetricValue<string>>[], seconds: number): string =>
  metrics
    .flatMap(({ name, values }) =>
      values
        .filter(({ labels, value }) => labels.le === undefined && Number.isFinite(value))
        .map((sample) => {
          const metric = 'metricName' in sample ? String(sample.metricName) : name;
          const labels = Object.values(sample.labels).filter((label) => label !== undefined);
          const path = [PREFIX, hostname(), metric, ...labels].map(pathSegment).join('.');
          return `${path} ${sample.value} ${seconds}\n`;
        }),
    )
    .join('');
