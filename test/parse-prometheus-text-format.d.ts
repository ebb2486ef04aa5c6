/** https://www.npmjs.com/package/parse-prometheus-text-format, of which only what the tests use is declared. */
declare module 'parse-prometheus-text-format' {
  /** One sample, or the samples of one histogram. */
  export interface PrometheusSample {
    readonly labels?: Readonly<Record<string, string>>
    readonly value?: string
    readonly buckets?: Readonly<Record<string, string>>
    readonly count?: string
    readonly sum?: string
  }

  export interface PrometheusFamily {
    readonly name: string
    readonly help: string
    readonly type: string
    readonly metrics: readonly PrometheusSample[]
  }

  /** Throws for text that is not of the format. */
  export default function parsePrometheusTextFormat(text: string): PrometheusFamily[]
}
