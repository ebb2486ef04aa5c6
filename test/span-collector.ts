import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** One span as a collector stores it. */
export interface CollectedSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly traceState: string | undefined
  /** https://github.com/open-telemetry/opentelemetry-proto: 1 internal, 2 server, 3 client. */
  readonly kind: number
  readonly failed: boolean
  readonly tookMs: number
  readonly facts: Readonly<Record<string, string | number>>
}

interface WireSpan extends Omit<CollectedSpan, 'failed' | 'tookMs' | 'facts'> {
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status: { readonly code?: number }
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, string | number>> }[]
}

interface WireTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: WireSpan['attributes'] }
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[]
  }[]
}

/** A collector of OpenTelemetry: takes spans by OTLP over HTTP in JSON, until the test ends. */
export class SpanCollector {
  readonly spans: CollectedSpan[] = []
  service: unknown
  endpoint = ''

  /** Starts one that answers every batch with `status`. */
  static async start(t: TestContext, status = 200): Promise<SpanCollector> {
    const collector = new SpanCollector()
    const server = createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8')
      request.on('data', (part: string) => (body += part))
      request.on('end', () => {
        collector.#take(JSON.parse(body) as WireTraces)
        response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    collector.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`
    return collector
  }

  named(name: string): CollectedSpan | undefined {
    return this.spans.find((span) => span.name === name)
  }

  #take({ resourceSpans }: WireTraces): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      this.service = factsOf(resource.attributes)['service.name']
      this.spans.push(...scopeSpans.flatMap(({ spans }) => spans.map(collected)))
    }
  }
}

function collected({ name, traceId, spanId, parentSpanId, traceState, kind, ...span }: WireSpan): CollectedSpan {
  const nanos = BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)
  const facts = factsOf(span.attributes)
  const failed = span.status.code === 2
  return { name, traceId, spanId, parentSpanId, traceState, kind, failed, tookMs: Number(nanos) / 1e6, facts }
}

function factsOf(attributes: WireSpan['attributes']): Record<string, string | number> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] ?? '']))
}
