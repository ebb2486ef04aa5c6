/** How often values of one combination of labels fell into each bucket. */
class Buckets {
  readonly #bounds: readonly number[]
  /** One for each bound, and one for what is beyond them all. */
  readonly #counts: number[]
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  /** Counts a value. Most are small: it looks from the lowest bound on. */
  observe(value: number): void {
    let at = 0
    while (value > (this.#bounds[at] ?? Infinity)) at += 1
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#sum += value
  }

  /** Everything as a registry wants it: each bucket holds all that are below it. */
  values(name: string, labels: Readonly<Record<string, string>>): readonly Value[] {
    let count = 0
    const buckets = this.#counts.map((each, at): Value => {
      count += each
      return { metricName: `${name}_bucket`, labels: { ...labels, le: this.#bounds[at] ?? '+Inf' }, value: count }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: count },
    ]
  }
}

interface Value {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/**
 * A histogram for a registry of prom-client, which asks each of its metrics for its values when somebody looks. Its own
 * makes the labels into a key again for each value, twenty times the work of counting it.
 */
export class HistogramBuckets {
  readonly name: string
  readonly type = 'histogram'
  readonly aggregator = 'sum'
  readonly #help: string
  readonly #labelNames: readonly string[]
  readonly #bounds: readonly number[]
  readonly #members: { readonly labels: Readonly<Record<string, string>>; readonly buckets: Buckets }[] = []

  constructor(options: {
    readonly name: string
    readonly help: string
    readonly labelNames: readonly string[]
    readonly bounds: readonly number[]
  }) {
    this.name = options.name
    this.#help = options.help
    this.#labelNames = options.labelNames
    this.#bounds = options.bounds
  }

  /** The member with these values of labels, which is shown from now on. To be asked for once. */
  member(values: readonly string[]): { readonly observe: (value: number) => void } {
    const labels = Object.fromEntries(this.#labelNames.map((label, at) => [label, values[at] ?? '']))
    const buckets = new Buckets(this.#bounds)
    this.#members.push({ labels, buckets })
    return { observe: (value) => buckets.observe(value) }
  }

  /** What the registry shows. */
  get(): Promise<object> {
    const values = this.#members.flatMap(({ labels, buckets }) => buckets.values(this.name, labels))
    return Promise.resolve({ name: this.name, help: this.#help, type: this.type, aggregator: this.aggregator, values })
  }
}
