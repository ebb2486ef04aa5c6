import { currentRequest, type RequestContext } from './request-context.ts'
import type { TraceHeaders } from './trace-headers.ts'

export type SpanKind = 'request' | 'interaction' | 'query' | 'remote'

/** What is known of a piece of work, under the names of OpenTelemetry's conventions. Never ids of people or what they wrote. */
export type SpanFacts = Readonly<Record<string, string | number>>

/** A piece of work being traced. */
export interface Span {
  /** For whoever is called as part of it. */
  readonly headers: TraceHeaders
  /** Adds a finished part of it; moments on the monotonic clock. */
  child(name: string, kind: SpanKind, startedAt: number, endedAt: number): void
  /** Ends it. */
  end(succeeded: boolean, facts?: SpanFacts): void
}

/** Where spans go: `otel-tracer.ts`, which is loaded when tracing is configured. */
export interface Tracer {
  /**
   * Begins a span under that of the request, when there is one that is traced; undefined when it is not traced. That of
   * a request itself stands under whatever `request.trace` names, and takes its place.
   */
  begin(name: string, kind: SpanKind, request: RequestContext | undefined): Span | undefined
}

let tracer: Tracer | undefined

/** Sends spans to `given` from now on; undefined ends it. Without it, tracing costs a comparison. */
export function traceTo(given: Tracer | undefined): void {
  tracer = given
}

/** Begins a span for what the running code does, `remote` for a call to another server; undefined when nobody traces it. */
export function span(name: string, kind: SpanKind): Span | undefined {
  return tracer?.begin(name, kind, currentRequest())
}

/** Begins the span of a request: under the one that its caller names, else in a trace of its own. */
export function requestSpan(
  context: RequestContext,
  caller: { header(name: string): string | undefined },
): Span | undefined {
  if (tracer === undefined) return undefined
  const [traceparent, tracestate] = [caller.header('traceparent'), caller.header('tracestate')]
  if (traceparent !== undefined) context.trace = { traceparent, ...(tracestate === undefined ? {} : { tracestate }) }
  return tracer.begin(`${context.method} ${context.path}`, 'request', context)
}
