import { section } from './section.ts'
import { optional, positiveNumber, text } from './setting.ts'

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
}

/** Traces, to see where the time of single requests goes. */
export const tracing = optional(
  section('Traces for OpenTelemetry, to see where the time of single requests goes. Off when left out.', {
    endpoint: text({
      description:
        'Where a collector takes them: OTLP over HTTP, in JSON. Headers that it wants, such as a token, stand in the environment: OTEL_EXPORTER_OTLP_HEADERS="name=value".',
      example: 'http://localhost:4318/v1/traces',
      wanted: 'an address as http://localhost:4318/v1/traces',
      accept: isHttpUrl,
    }),
    share: positiveNumber({
      description:
        'How much of the requests is traced: 1 all, 0.01 one of a hundred. A request that comes with a trace (traceparent) is traced when that one is.',
      otherwise: 1,
    }),
  }),
)
