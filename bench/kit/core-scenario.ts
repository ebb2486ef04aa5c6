import type { Figures } from './measure.ts'
import type { Target } from './scenario.ts'

/** A load that brings what it needs: computing alone, most of all. */
export interface CoreScenario {
  readonly name: string
  /** One line for the table. */
  readonly about: string
  readonly targets: Readonly<Record<string, Target>>
  run(): Figures | Promise<Figures>
}

const rounds = 7

/** Microseconds that a call takes: the median of several rounds of `times` calls, after one to warm up. */
export function microseconds(times: number, run: () => unknown): number {
  const round = (): number => {
    const started = performance.now()
    for (let index = 0; index < times; index += 1) run()
    return ((performance.now() - started) * 1000) / times
  }
  round()
  return median(Array.from({ length: rounds }, round))
}

/** The one in the middle. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
