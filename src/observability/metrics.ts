/** Values of labels, in the order in which the family names them. */
type LabelValues = readonly string[]

/** What one family has at the moment it is asked: values of labels, and the number. */
export type Reading = readonly [labels: LabelValues, value: number]

/** What a metric is called and what it counts. */
export interface MetricOptions {
  /** In the ecosystem's style: `tessera_http_requests_total`, base units, `_total` behind what only grows. */
  readonly name: string
  /** One sentence for whoever finds it in a dashboard. */
  readonly help: string
  /** Names of labels. Their values come from lists that do not grow: routes, statuses, names of interactions. */
  readonly labels?: readonly string[]
}

/** Seconds, from what a cache answers to what a person gives up on. */
export const secondsBuckets: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60,
]

/** A number that only grows. */
export interface Counter {
  /** Adds `by`, not below zero; one unless said otherwise. */
  readonly add: (by?: number) => void
}

/** How often values fell between bounds, and their sum. */
export interface Histogram {
  /** Counts one value, in the unit of the bounds. */
  readonly observe: (value: number) => void
}

/** The members of a family, one for each combination of values of labels. */
export interface Labelled<Child> {
  /** The member with these values of labels. Keep it; do not ask for it each time. */
  with(...values: string[]): Child
}

/** Where everything is counted. The outlet is `prometheus-metrics.ts`, which is loaded when somebody wants to read it. */
export interface Metrics {
  /** A family of numbers that only grow. Throws when the name is taken. */
  counter(options: MetricOptions): Labelled<Counter>
  /** A family of distributions; `bounds` are the upper ends of the buckets, growing. Throws when the name is taken. */
  histogram(options: MetricOptions, bounds?: readonly number[]): Labelled<Histogram>
  /** Numbers that go up and down, asked for when somebody looks. Throws when the name is taken. */
  gauge(options: MetricOptions, read: () => Iterable<Reading> | number): void
  /** Numbers that only grow and are counted elsewhere, asked for when somebody looks. Throws when the name is taken. */
  counted(options: MetricOptions, read: () => Iterable<Reading> | number): void
  /** Everything, as Prometheus reads it (`text/plain; version=0.0.4`). */
  text(): Promise<string>
}

const nothing = (): void => undefined

/** Counts nothing: for a server whose figures nobody can ask for, and for tests. */
export const uncounted: Metrics = {
  counter: () => ({ with: () => ({ add: nothing }) }),
  histogram: () => ({ with: () => ({ observe: nothing }) }),
  gauge: nothing,
  counted: nothing,
  text: () => Promise.resolve(''),
}
