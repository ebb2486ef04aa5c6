/**
 * The trace that something belongs to and the span under which it stands, as the headers that say so between programs:
 * plain data, which threads can hand to each other. https://www.w3.org/TR/trace-context/
 */
export interface TraceHeaders {
  readonly traceparent?: string
  readonly tracestate?: string
}
