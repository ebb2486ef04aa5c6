import { collectDefaultMetrics, Counter, Gauge, Registry, type Metric } from 'prom-client'
import { HistogramBuckets } from './histogram-buckets.ts'
import {
  secondsBuckets,
  type Counter as HouseCounter,
  type Histogram as HouseHistogram,
  type Labelled,
  type MetricOptions,
  type Metrics,
  type Reading,
} from './metrics.ts'

/** Different values of labels that a family keeps; whatever comes after them is counted together as `other`. */
const childrenMax = 2_000

/** The members of a family, each bound to its labels once, so that counting makes no object; shown at 0 from then on. */
class Family<Child> implements Labelled<Child> {
  readonly #children = new Map<string, Child>()
  readonly #bind: (values: readonly string[]) => Child

  constructor(bind: (values: readonly string[]) => Child) {
    this.#bind = bind
  }

  with(...values: string[]): Child {
    const key = values.join('\u0000')
    const known = this.#children.get(key)
    if (known !== undefined) return known
    const isFull = this.#children.size >= childrenMax && values.some((value) => value !== 'other')
    if (isFull) return this.with(...values.map(() => 'other'))
    const child = this.#bind(values)
    this.#children.set(key, child)
    return child
  }
}

/** What was added to a counter since somebody looked: prom-client makes a key of the labels for each call. */
class CountedUp {
  readonly #inc: (by: number) => void
  #since = 0

  constructor(inc: (by: number) => void) {
    this.#inc = inc
    inc(0)
  }

  add(by: number): void {
    this.#since += by
  }

  show(): void {
    this.#inc(this.#since)
    this.#since = 0
  }
}

/** What the program counts, kept by prom-client. Each has a registry of its own, so that several servers in one process stay apart. */
export class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry()

  counter(options: MetricOptions): Labelled<HouseCounter> {
    const children: CountedUp[] = []
    const collect = (): void => {
      for (const child of children) child.show()
    }
    const counter = new Counter({ ...this.#asTheirs(options), collect })
    return new Family((values) => {
      const child = new CountedUp(counter.labels(...values).inc)
      children.push(child)
      return { add: (by = 1) => child.add(by) }
    })
  }

  histogram(options: MetricOptions, bounds: readonly number[] = secondsBuckets): Labelled<HouseHistogram> {
    const { name, help, labels = [] } = options
    const histogram = new HistogramBuckets({ name, help, labelNames: labels, bounds })
    // The registry asks for what any metric has; its types name its own kinds alone.
    this.#registry.registerMetric(histogram as unknown as Metric)
    return new Family((values) => histogram.member(values))
  }

  gauge(options: MetricOptions, read: () => Iterable<Reading> | number): void {
    const gauge: Gauge = new Gauge({
      ...this.#asTheirs(options),
      collect: () => {
        gauge.reset()
        for (const [values, value] of readings(read())) gauge.labels(...values).set(value)
      },
    })
  }

  counted(options: MetricOptions, read: () => Iterable<Reading> | number): void {
    const counter: Counter = new Counter({
      ...this.#asTheirs(options),
      collect: () => {
        counter.reset()
        for (const [values, value] of readings(read())) counter.labels(...values).inc(value)
      },
    })
  }

  /** Measures the process itself from now on: processor, memory, files, event loop, garbage collection. */
  measureProcess(): void {
    collectDefaultMetrics({ register: this.#registry })
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #asTheirs({ name, help, labels = [] }: MetricOptions): {
    readonly name: string
    readonly help: string
    readonly labelNames: string[]
    readonly registers: [Registry]
  } {
    return { name, help, labelNames: [...labels], registers: [this.#registry] }
  }
}

function readings(given: Iterable<Reading> | number): Iterable<Reading> {
  return typeof given === 'number' ? [[[], given]] : given
}
