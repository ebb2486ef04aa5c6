import { currentRequest, type RequestContext } from './request-context.ts'

export type SpanKind = 'request' | 'interaction' | 'query' | 'remote'

/** A piece of work being traced. */
export interface Span {
  /** Adds a finished part of it; moments on the monotonic clock. */
  child(name: string, kind: SpanKind, startedAt: number, endedAt: number): void
  /** Ends it. */
  end(succeeded: boolean): void
}

/** Where spans go. */
export interface Tracer {
  /** Begins a span under that of the request, when there is one that is traced; undefined when it is not traced. */
  begin(name: string, kind: SpanKind, request: RequestContext | undefined): Span | undefined
}

let tracer: Tracer | undefined

/** Sends spans to `given` from now on; undefined ends it. Without it, tracing costs a comparison. */
export function traceTo(given: Tracer | undefined): void {
  tracer = given
}

/** Begins a span for what the running code does; undefined when nobody traces it. */
export function span(name: string, kind: SpanKind): Span | undefined {
  return tracer?.begin(name, kind, currentRequest())
}

/** Whether anybody traces. */
export function tracing(): boolean {
  return tracer !== undefined
}

/** Begins the span of a request: under the one that `context.trace` names, else in a trace of its own. */
export function requestSpan(context: RequestContext): Span | undefined {
  return tracer?.begin(`${context.method} ${context.path}`, 'request', context)
}

/** Which trace the running code belongs to, and under which span. */
export interface TraceParent {
  readonly traceId: string
  readonly spanId: string
}

/** The trace that a caller names. https://www.w3.org/TR/trace-context/#traceparent-header */
export function parseTraceParent(header: string | undefined): TraceParent | undefined {
  const match = /^00-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-[\da-f]{2}$/.exec(header ?? '')
  return match === null ? undefined : { traceId: match[1] ?? '', spanId: match[2] ?? '' }
}

/** As `parseTraceParent` reads it, for those whom we call. */
export function printTraceParent({ traceId, spanId }: TraceParent): string {
  return `00-${traceId}-${spanId}-01`
}
