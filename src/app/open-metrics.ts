import { uncounted, type Metrics } from '#observability/metrics.ts'
import type { Config } from './config.ts'

/** Where everything is counted: nowhere, and nothing is loaded for it, when no listener lets anybody ask. */
export async function openMetrics({ listeners }: Pick<Config, 'listeners'>): Promise<Metrics> {
  if (!listeners.some(({ apis }) => apis.includes('metrics'))) return uncounted
  const { PrometheusMetrics } = await import('#observability/prometheus-metrics.ts')
  const metrics = new PrometheusMetrics()
  metrics.measureProcess()
  return metrics
}
