import type { Logger } from '#observability/logger.ts'
import { traceTo } from '#observability/spans.ts'
import type { Config } from './config.ts'
import { programVersion } from './program-version.ts'

/** Sends traces where the configuration says, until what is given is called; loads nothing when it does not say. */
export async function openTracing(
  { tracing, database }: Pick<Config, 'tracing' | 'database'>,
  { logger }: { readonly logger: Logger },
): Promise<(() => Promise<void>) | undefined> {
  if (tracing === undefined) return undefined
  const { OtelTracer } = await import('#observability/otel-tracer.ts')
  const tracer = new OtelTracer({
    ...tracing,
    version: programVersion(),
    databaseSystem: database.url.startsWith('sqlite:') ? 'sqlite' : 'postgresql',
    onFailure: (error) => logger.warn('Traces could not be sent', { error }),
  })
  traceTo(tracer)
  return async () => {
    traceTo(undefined)
    await tracer.close()
  }
}
