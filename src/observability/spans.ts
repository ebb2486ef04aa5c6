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
