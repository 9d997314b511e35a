/** Figures for Prometheus. No names of artifacts or people: labels stay few. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  request(of: { protocol: string; method: string; status: number; seconds: number }): void;
  /** Figures read when they are asked for. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void;
  text(): Promise<{ type: string; body: string }>;
}

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE']);

export function createMetrics(): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register, prefix: 'strongroom_' });
  const labelNames = ['protocol', 'method', 'status'];
  const requests = new Counter({
    name: 'strongroom_requests_total',
    help: 'Requests answered',
    labelNames,
    registers: [register],
  });
  const durations = new Histogram({
    name: 'strongroom_request_seconds',
    help: 'Time to answer a request',
    labelNames: ['protocol', 'method'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
    registers: [register],
  });
  return {
    request({ protocol, method, status, seconds }) {
      const verb = METHODS.has(method) ? method : 'other';
      requests.inc({ protocol, method: verb, status: String(status) });
      durations.observe({ protocol, method: verb }, seconds);
    },
    gauge(name, help, read) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers: [register],
        async collect() {
          gauge.set(await read());
        },
      });
    },
    text: async () => ({ type: register.contentType, body: await register.metrics() }),
  };
}
