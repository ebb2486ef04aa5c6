import { type Counter, type Histogram, type Metrics, secondsBuckets, type Labelled } from '#observability/metrics.ts'

/** Counts the requests of every server of this process. */
export class RequestMetrics {
  readonly #requests: Labelled<Counter>
  readonly #seconds: Labelled<Histogram>
  readonly #bytes: Labelled<Counter>

  constructor(metrics: Metrics) {
    this.#requests = metrics.counter({
      name: 'tessera_http_requests_total',
      help: 'Requests answered.',
      labels: ['method', 'route', 'status'],
    })
    this.#seconds = metrics.histogram(
      {
        name: 'tessera_http_request_duration_seconds',
        help: 'Time from the arrival of a request to its answer; for a long poll, its wait included.',
        labels: ['method', 'route'],
      },
      secondsBuckets,
    )
    this.#bytes = metrics.counter({
      name: 'tessera_http_response_bytes_total',
      help: 'Bytes of the bodies of answers.',
      labels: ['method', 'route'],
    })
  }

  /** Gives the function that counts an answer of one route. Its numbers come to be with the first. */
  counterFor(method: string, route: string): (status: number, tookMs: number, bytes: number) => void {
    const byStatus = new Map<number, Counter>()
    let seconds: Histogram | undefined
    let sent: Counter | undefined
    return (status, tookMs, bytes) => {
      seconds ??= this.#seconds.with(method, route)
      sent ??= this.#bytes.with(method, route)
      let requests = byStatus.get(status)
      if (requests === undefined) byStatus.set(status, (requests = this.#requests.with(method, route, String(status))))
      requests.add()
      seconds.observe(tookMs / 1000)
      sent.add(bytes)
    }
  }
}
