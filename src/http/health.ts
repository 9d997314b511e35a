/** For operators and orchestrators: alive, ready, figures. They say nothing about content. */
import type { FastifyInstance } from 'fastify';
import type { Metrics } from './metrics.ts';

export interface Readiness {
  readonly ready: boolean;
  /** by part: ok, or what is wrong */
  readonly checks: Readonly<Record<string, string>>;
}

export interface Health {
  ready(): Promise<Readiness>;
}

export function registerHealth(
  app: FastifyInstance,
  { health, metrics }: { health: Health; metrics: Metrics },
): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const readiness = await health.ready();
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
  app.get('/metrics', async (_request, reply) => {
    const { type, body } = await metrics.text();
    return reply.type(type).send(body);
  });
}
