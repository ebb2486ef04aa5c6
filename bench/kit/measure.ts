import { cpuMs } from './process-figures.ts'

/** Figures of one scenario on one server, by name; the unit is the end of the name. */
export type Figures = Readonly<Record<string, number>>

export interface Load {
  /** How often the work is done. */
  readonly count: number
  /** How many are under way at once. */
  readonly inFlight: number
  /** The server's process, when it is known. */
  readonly pid: number | undefined
}

/** Does `work` `count` times, `inFlight` at once; gives rate, latency and the server's processor time for each. */
export async function measure(load: Load, work: (index: number) => Promise<unknown>): Promise<Figures> {
  const latencies: number[] = []
  let next = 0
  const cpuBefore = load.pid === undefined ? undefined : cpuMs(load.pid)
  const started = performance.now()
  const worker = async (): Promise<void> => {
    while (next < load.count) {
      const index = next++
      const before = performance.now()
      await work(index)
      latencies.push(performance.now() - before)
    }
  }
  await Promise.all(Array.from({ length: load.inFlight }, worker))
  const seconds = (performance.now() - started) / 1000
  const cpuAfter = load.pid === undefined ? undefined : cpuMs(load.pid)
  return {
    perSecond: load.count / seconds,
    ...percentiles(latencies),
    ...(cpuBefore === undefined || cpuAfter === undefined ? {} : { cpuMs: (cpuAfter - cpuBefore) / load.count }),
  }
}

/** Half of all took at most p50Ms, nineteen of twenty at most p95Ms. */
export function percentiles(latencies: readonly number[]): { p50Ms: number; p95Ms: number } {
  const sorted = [...latencies].sort((a, b) => a - b)
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN
  return { p50Ms: at(0.5), p95Ms: at(0.95) }
}

/** Does `work` for each item, `inFlight` at once, and gives the results in order. */
export async function forEachAtOnce<T, R>(
  items: readonly T[],
  inFlight: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++
      results[index] = await work(items[index] as T, index)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return results
}
