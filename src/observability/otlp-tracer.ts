import { randomBytes } from 'node:crypto'

import { type RequestContext } from './request-context.ts'
import { type Span, type SpanKind, type TraceParent, type Tracer } from './spans.ts'

/** Spans that wait to be sent at most; those beyond are dropped. */
const waitingSpansMax = 10_000
/** Spans that go together. */
const batchSpansMax = 500
const sendEveryMs = 5_000

/** OTLP's numbers: what a span is, and how it ended. */
const kinds: Readonly<Record<SpanKind, number>> = { request: 2, interaction: 1, query: 3, remote: 3 }
const statusError = 2

interface FinishedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[]
  readonly status: { readonly code?: number }
}

/** Sends one batch in OTLP's JSON; rejects when it does not arrive. */
export type SendSpans = (body: string) => Promise<void>

/**
 * Gathers spans and sends them to a collector of OpenTelemetry, by OTLP over HTTP in JSON. Loaded only when it is configured.
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export class OtlpTracer implements Tracer {
  readonly #send: SendSpans
  readonly #sampled: () => boolean
  readonly #onFailure: (error: unknown) => void
  readonly #timer: NodeJS.Timeout
  #waiting: FinishedSpan[] = []
  #sending: Promise<void> = Promise.resolve()

  constructor(options: {
    readonly send: SendSpans
    /** Whether the next request is traced, of those that come without a trace of their own. */
    readonly sampled: () => boolean
    readonly onFailure: (error: unknown) => void
  }) {
    this.#send = options.send
    this.#sampled = options.sampled
    this.#onFailure = options.onFailure
    this.#timer = setInterval(() => void this.flush(), sendEveryMs).unref()
  }

  begin(name: string, kind: SpanKind, request: RequestContext | undefined): Span | undefined {
    if (kind === 'request' && request !== undefined) {
      request.trace ??= this.#sampled() ? { traceId: randomBytes(16).toString('hex'), spanId: '' } : undefined
    }
    const parent = request?.trace
    if (parent === undefined) return undefined
    const own = { traceId: parent.traceId, spanId: newSpanId() }
    if (kind === 'request' && request !== undefined) request.trace = own
    const startedAt = performance.now()
    const attributes = request === undefined ? {} : { 'tessera.request_id': request.id }
    const parentId = parent.spanId === '' ? undefined : parent.spanId
    return {
      child: (childName, childKind, from, to) => {
        const child = { traceId: own.traceId, spanId: newSpanId() }
        this.#finish(child, own.spanId, { name: childName, kind: childKind, from, to, failed: false, attributes })
      },
      end: (succeeded) => {
        const to = performance.now()
        this.#finish(own, parentId, { name, kind, from: startedAt, to, failed: !succeeded, attributes })
      },
    }
  }

  /** Sends what waits; resolves when it has arrived, or been given up. */
  flush(): Promise<void> {
    this.#sending = this.#sending.then(async () => {
      while (this.#waiting.length > 0) {
        const spans = this.#waiting.splice(0, batchSpansMax)
        const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'tessera' } }] }
        const body = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'tessera' }, spans }] }] }
        await this.#send(JSON.stringify(body)).catch(this.#onFailure)
      }
    })
    return this.#sending
  }

  /** Sends what waits for the last time. */
  close(): Promise<void> {
    clearInterval(this.#timer)
    return this.flush()
  }

  #finish(
    own: TraceParent,
    parentSpanId: string | undefined,
    span: {
      readonly name: string
      readonly kind: SpanKind
      readonly from: number
      readonly to: number
      readonly failed: boolean
      readonly attributes: Readonly<Record<string, string>>
    },
  ): void {
    if (this.#waiting.length >= waitingSpansMax) return
    this.#waiting.push({
      ...own,
      parentSpanId,
      name: span.name,
      kind: kinds[span.kind],
      startTimeUnixNano: unixNanos(span.from),
      endTimeUnixNano: unixNanos(span.to),
      attributes: Object.entries(span.attributes).map(([key, value]) => ({ key, value: { stringValue: value } })),
      status: span.failed ? { code: statusError } : {},
    })
  }
}

function newSpanId(): string {
  return randomBytes(8).toString('hex')
}

function unixNanos(monotonicMs: number): string {
  return String(BigInt(Math.round((performance.timeOrigin + monotonicMs) * 1000)) * 1000n)
}
