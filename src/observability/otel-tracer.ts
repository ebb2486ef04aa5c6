import {
  ROOT_CONTEXT,
  SpanKind as OtelKind,
  SpanStatusCode,
  TraceFlags,
  defaultTextMapGetter,
  defaultTextMapSetter,
  trace,
  type Attributes,
  type Context,
  type Span as OtelSpan,
  type Tracer as OtelTracerApi,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator, setGlobalErrorHandler } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import {
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_SYSTEM_NAME,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_ROUTE,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
} from '@opentelemetry/semantic-conventions'
import type { RequestContext } from './request-context.ts'
import type { Span, SpanFacts, SpanKind, Tracer } from './spans.ts'
import type { TraceHeaders } from './trace-headers.ts'

/** How long a collector may take for one batch. */
const sendMsMax = 10_000
/** How long the last batch may take when the server stops: less than its requests have. */
const closeMsMax = 1_000

const kinds: Readonly<Record<SpanKind, OtelKind>> = {
  request: OtelKind.SERVER,
  interaction: OtelKind.INTERNAL,
  query: OtelKind.CLIENT,
  remote: OtelKind.CLIENT,
}

export interface TracingOptions {
  /** Where a collector takes spans: OTLP over HTTP, in JSON. */
  readonly endpoint: string
  /** How much of the requests is traced, of those that come without a trace of their own: 1 all. */
  readonly share: number
  readonly version: string
  /** What conventions call the database: `sqlite`, `postgresql`. */
  readonly databaseSystem: string
  /** Told of each batch that did not arrive. */
  readonly onFailure: (error: unknown) => void
}

/**
 * Traces by OpenTelemetry's own packages. Whether a request is traced is its caller's decision when it comes with one,
 * else chance; what is done for it stands under it. Work in the background is not traced.
 */
export class OtelTracer implements Tracer {
  readonly #provider: TracerProvider
  readonly #spans: OtelTracerApi
  readonly #databaseSystem: string
  readonly #propagator = new W3CTraceContextPropagator()

  constructor({ endpoint, share, version, databaseSystem, onFailure }: TracingOptions) {
    this.#databaseSystem = databaseSystem
    // The packages know one handler for a process.
    setGlobalErrorHandler(onFailure)
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({ [ATTR_SERVICE_NAME]: 'tessera', [ATTR_SERVICE_VERSION]: version }),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(Math.min(1, share)) }),
      spanProcessors: [
        new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: endpoint, timeoutMillis: sendMsMax }) }),
      ],
    })
    this.#spans = this.#provider.getTracer('tessera', version)
  }

  begin(name: string, kind: SpanKind, request: RequestContext | undefined): Span | undefined {
    if (request === undefined) return undefined
    const parent = this.#contextOf(request.trace)
    const known = trace.getSpanContext(parent)
    if (kind !== 'request' && (known === undefined || (kind !== 'remote' && !isSampled(known)))) return undefined
    const attributes: Attributes =
      kind === 'request' ? { [ATTR_HTTP_REQUEST_METHOD]: request.method, [ATTR_HTTP_ROUTE]: request.path } : {}
    attributes['tessera.request_id'] = request.id
    const span = this.#spans.startSpan(name, { kind: kinds[kind], attributes }, parent)
    const own = trace.setSpan(ROOT_CONTEXT, span)
    const headers: { traceparent?: string; tracestate?: string } = {}
    this.#propagator.inject(own, headers, defaultTextMapSetter)
    if (kind === 'request') request.trace = headers
    return span.isRecording() || kind === 'remote' ? this.#asOurs(span, own, headers) : undefined
  }

  /** Sends what waits for the last time, and waits for it only so long. Never rejects. */
  async close(): Promise<void> {
    const { promise: tooLate, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, closeMsMax)
    // What goes wrong has been told to the handler, or nobody is left to do anything about it.
    await Promise.race([this.#provider.shutdown().catch(() => undefined), tooLate])
    clearTimeout(timer)
  }

  #contextOf(headers: TraceHeaders | undefined): Context {
    return headers === undefined ? ROOT_CONTEXT : this.#propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter)
  }

  #asOurs(span: OtelSpan, own: Context, headers: TraceHeaders): Span {
    return {
      headers,
      child: (name, kind, startTime, endedAt) => {
        const attributes = kind === 'query' ? this.#queryFacts(name) : {}
        // A statement's first word is what conventions want for a name: few, and no text.
        const short = kind === 'query' ? name.trimStart().split(/\s/, 1)[0] : name
        this.#spans.startSpan(short ?? name, { kind: kinds[kind], startTime, attributes }, own).end(endedAt)
      },
      end: (succeeded: boolean, facts: SpanFacts = {}) => {
        span.setAttributes(facts)
        if (!succeeded) span.setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      },
    }
  }

  #queryFacts(sql: string): Attributes {
    return { [ATTR_DB_SYSTEM_NAME]: this.#databaseSystem, [ATTR_DB_QUERY_TEXT]: sql.replaceAll(/\s+/g, ' ').trim() }
  }
}

function isSampled({ traceFlags }: { readonly traceFlags: number }): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0
}
