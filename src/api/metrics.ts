import { Answer, type Route } from '#http/route.ts'
import type { Metrics } from '#observability/metrics.ts'
import type { Requester } from '#users/requester.ts'
import { route } from './route.ts'

/** What a program that watches the server asks for. */
export interface Watched {
  /** Everything measured, in the text format of Prometheus. */
  readonly metrics: Metrics
  /** What stands in the way of serving requests; undefined when nothing does. */
  readonly notReady: () => Promise<string | undefined>
}

/** For Prometheus, on a listener that strangers cannot reach. */
export function metricsRoutes({ metrics }: Pick<Watched, 'metrics'>): Route<Requester>[] {
  return [
    // GET /metrics https://prometheus.io/docs/instrumenting/exposition_formats/
    route({
      method: 'GET',
      path: '/metrics',
      aliases: ['/_synapse/metrics'],
      auth: 'none',
      handler: async () =>
        new Answer(200, await metrics.text(), { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
    }),
  ]
}

/** For whatever restarts the process or sends it requests. */
export function healthRoutes({ notReady }: Pick<Watched, 'notReady'>): Route<Requester>[] {
  const plain = (status: number, text: string): Answer => new Answer(status, text, { 'content-type': 'text/plain' })
  return [
    // GET /health: the process answers.
    route({ method: 'GET', path: '/health', auth: 'none', handler: async () => plain(200, 'OK') }),
    // GET /ready: the database can be reached and requests are wanted.
    route({
      method: 'GET',
      path: '/ready',
      auth: 'none',
      handler: async () => {
        const why = await notReady()
        return why === undefined ? plain(200, 'OK') : plain(503, why)
      },
    }),
  ]
}
