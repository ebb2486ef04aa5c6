/** Values of labels, in the order in which the family names them. */
type LabelValues = readonly string[]

/** What one family has at the moment it is asked: values of labels, and the number. */
export type Reading = readonly [labels: LabelValues, value: number]

interface Family {
  readonly name: string
  readonly lines: () => string[]
}

/** What a metric is called and what it counts. */
export interface MetricOptions<Labels extends LabelValues = LabelValues> {
  /** In the ecosystem's style: `tessera_http_requests_total`, base units, `_total` behind what only grows. */
  readonly name: string
  /** One sentence for whoever finds it in a dashboard. */
  readonly help: string
  /** Names of labels. Their values come from lists that do not grow: routes, statuses, names of interactions. */
  readonly labels?: Labels
}

/** Different values of labels that a family keeps; whatever comes after them is counted together as `other`. */
const childrenMax = 2_000

/** Seconds, from what a cache answers to what a person gives up on. */
export const secondsBuckets: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60,
]

/** A number that only grows. */
export class Counter {
  value = 0

  /** Adds `by`, one unless said otherwise. */
  add(by = 1): void {
    this.value += by
  }
}

/** How often values fell between bounds, and their sum. */
export class Histogram {
  readonly counts: number[]
  sum = 0
  readonly #bounds: readonly number[]

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = new Array<number>(bounds.length + 1).fill(0)
  }

  /** Counts one value, in the unit of the bounds. Linear in the number of bounds. */
  observe(value: number): void {
    const bounds = this.#bounds
    let index = 0
    while (index < bounds.length && value > (bounds[index] as number)) index += 1
    this.counts[index] = (this.counts[index] as number) + 1
    this.sum += value
  }
}

/** The members of a family, one for each combination of values of labels. Keep a member; do not ask for it each time. */
export class Labelled<Child> {
  readonly #children = new Map<string, { readonly values: LabelValues; readonly child: Child }>()
  readonly #make: () => Child
  readonly #count: number

  constructor(count: number, make: () => Child) {
    this.#count = count
    this.#make = make
  }

  /** The member with these values of labels. */
  with(...values: string[]): Child {
    const key = values.join('\u0000')
    const known = this.#children.get(key)
    if (known !== undefined) return known.child
    if (this.#children.size >= childrenMax && values[0] !== 'other')
      return this.with(...new Array<string>(this.#count).fill('other'))
    const made = { values, child: this.#make() }
    this.#children.set(key, made)
    return made.child
  }

  /** All members. */
  entries(): Iterable<{ readonly values: LabelValues; readonly child: Child }> {
    return this.#children.values()
  }
}

/**
 * What the program counts, in the text format that Prometheus reads. Written here, because a library in its place costs
 * ten times as much for each number on the way of a request. https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export class Metrics {
  readonly #families = new Map<string, Family>()

  /** A family of numbers that only grow. Throws when the name is taken. */
  counter(options: MetricOptions): Labelled<Counter> {
    const { name, labels = [] } = options
    const family = new Labelled(labels.length, () => new Counter())
    this.#add(options, 'counter', () =>
      [...family.entries()].map(({ values, child }) => sample(name, labels, values, child.value)),
    )
    return family
  }

  /** A family of distributions; `bounds` are the upper ends of the buckets, growing. Throws when the name is taken. */
  histogram(options: MetricOptions, bounds: readonly number[] = secondsBuckets): Labelled<Histogram> {
    const { name, labels = [] } = options
    const family = new Labelled(labels.length, () => new Histogram(bounds))
    this.#add(options, 'histogram', () =>
      [...family.entries()].flatMap(({ values, child }) => histogramLines(name, { labels, values }, child, bounds)),
    )
    return family
  }

  /** Numbers that go up and down, asked for when somebody looks. Throws when the name is taken. */
  gauge(options: MetricOptions, read: () => Iterable<Reading> | number): void {
    this.#ask('gauge', options, read)
  }

  /** Numbers that only grow and are counted elsewhere, asked for when somebody looks. Throws when the name is taken. */
  counted(options: MetricOptions, read: () => Iterable<Reading> | number): void {
    this.#ask('counter', options, read)
  }

  /** Everything, as Prometheus reads it (`text/plain; version=0.0.4`). */
  text(): string {
    return [...this.#families.values()].flatMap((family) => family.lines()).join('\n') + '\n'
  }

  /** The name of every family. */
  names(): string[] {
    return [...this.#families.keys()]
  }

  #ask(kind: string, options: MetricOptions, read: () => Iterable<Reading> | number): void {
    const { name, labels = [] } = options
    this.#add(options, kind, () => {
      const given = read()
      const readings: Iterable<Reading> = typeof given === 'number' ? [[[], given]] : given
      return [...readings].map(([values, value]) => sample(name, labels, values, value))
    })
  }

  #add({ name, help }: MetricOptions, kind: string, samples: () => string[]): void {
    if (this.#families.has(name)) throw new Error(`the metric ${name} is there already`)
    const head = [`# HELP ${name} ${escaped(help, /[\\\n]/g)}`, `# TYPE ${name} ${kind}`]
    this.#families.set(name, { name, lines: () => [...head, ...samples()] })
  }
}

function histogramLines(
  name: string,
  { labels, values }: { readonly labels: LabelValues; readonly values: LabelValues },
  child: Histogram,
  bounds: readonly number[],
): string[] {
  let below = 0
  const lines = child.counts.map((count, index) => {
    below += count
    return sample(`${name}_bucket`, [...labels, 'le'], [...values, String(bounds[index] ?? '+Inf')], below)
  })
  return [...lines, sample(`${name}_sum`, labels, values, child.sum), sample(`${name}_count`, labels, values, below)]
}

function sample(name: string, labels: LabelValues, values: LabelValues, value: number): string {
  const pairs = labels.map((label, index) => `${label}="${escaped(values[index] ?? '', /[\\\n"]/g)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${Number.isFinite(value) ? value : 'NaN'}`
}

function escaped(text: string, special: RegExp): string {
  return text.replaceAll(special, (found) => (found === '\n' ? '\\n' : `\\${found}`))
}
