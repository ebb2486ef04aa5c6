import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { freePort } from './free-port.ts'

const program = process.env['TESSERA_BENCH_PROMETHEUS'] ?? 'prometheus'
const startMsMax = 20_000

/** One line of a panel: its labels, and seconds since 1970 with the value at that time. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly points: readonly (readonly [seconds: number, value: number])[]
}

/** The real Prometheus, as a process of its own, that reads the metrics of one server each second. */
export class Prometheus {
  readonly #url: string
  readonly #end: () => Promise<void>

  private constructor(url: string, end: () => Promise<void>) {
    this.#url = url
    this.#end = end
  }

  /** Starts one. Throws with what to do when the program is not on this machine. */
  static async start(target: string): Promise<Prometheus> {
    if (spawnSync(program, ['--version']).error !== undefined) {
      throw new Error(
        `there is no program ${program}: install Prometheus (Debian: apt-get install prometheus), or name it in TESSERA_BENCH_PROMETHEUS`,
      )
    }
    const folder = mkdtempSync(join(tmpdir(), 'tessera-prometheus-'))
    const file = join(folder, 'prometheus.yml')
    const scrape = { job_name: 'tessera', static_configs: [{ targets: [target] }] }
    // YAML reads JSON.
    writeFileSync(file, JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs: [scrape] }))
    const address = `127.0.0.1:${await freePort()}`
    const child = spawn(
      program,
      [`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=${address}`],
      { stdio: ['ignore', 'ignore', 'ignore'] },
    )
    const ended = once(child, 'exit')
    const prometheus = new Prometheus(`http://${address}`, async () => {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    })
    const deadline = performance.now() + startMsMax
    while (!(await prometheus.#isReady())) {
      if (child.exitCode !== null || performance.now() > deadline) throw new Error(`${program} did not start`)
      await delay(50)
    }
    return prometheus
  }

  /** What PromQL gives for each second between two moments (seconds since 1970). Throws what Prometheus says is wrong with it. */
  async queryRange(query: string, start: number, end: number): Promise<Series[]> {
    const body = new URLSearchParams({ query, start: String(start), end: String(end), step: '1' })
    const response = await fetch(`${this.#url}/api/v1/query_range`, { method: 'POST', body })
    const { error, data } = (await response.json()) as {
      error?: string
      data?: { result: { metric: Record<string, string>; values: [number, string][] }[] }
    }
    if (data === undefined) throw new Error(`${query}: ${error}`)
    return data.result.map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([seconds, value]) => [seconds, Number(value)] as const),
    }))
  }

  async stop(): Promise<void> {
    await this.#end()
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.#url}/-/ready`)).ok
    } catch {
      return false
    }
  }
}
