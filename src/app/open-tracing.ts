import type { Random } from '#base/random.ts'
import type { Logger } from '#observability/logger.ts'
import { traceTo } from '#observability/spans.ts'
import type { Config } from './config.ts'

/** How long a collector may take. */
const sendMsMax = 10_000

/** Sends traces where the configuration says, until what is given is called; loads nothing when it does not say. */
export async function openTracing(
  { tracing }: Pick<Config, 'tracing'>,
  deps: { readonly logger: Logger; readonly random: Random },
): Promise<(() => Promise<void>) | undefined> {
  if (tracing === undefined) return undefined
  const { OtlpTracer } = await import('#observability/otlp-tracer.ts')
  const { request } = await import('undici')
  const { endpoint, share } = tracing
  const tracer = new OtlpTracer({
    sampled: () => share >= 1 || deps.random.fraction() < share,
    onFailure: (error) => deps.logger.warn('Traces could not be sent', { error }),
    send: async (body) => {
      const headers = { 'content-type': 'application/json' }
      const answer = await request(endpoint, {
        method: 'POST',
        headers,
        body,
        headersTimeout: sendMsMax,
        bodyTimeout: sendMsMax,
      })
      await answer.body.dump()
      if (answer.statusCode >= 300) throw new Error(`the collector answers ${answer.statusCode}`)
    },
  })
  traceTo(tracer)
  return async () => {
    traceTo(undefined)
    await tracer.close()
  }
}
