import { execFileSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

import type { Figures } from './measure.ts'
import type { Target } from './scenario.ts'

const file = fileURLToPath(new URL('../results.jsonl', import.meta.url))

export interface Result {
  readonly server: string
  readonly scenario: string
  readonly about: string
  readonly figures: Figures
  readonly targets: Readonly<Record<string, Target>>
}

/** Appends a line for each result to bench/results.jsonl. */
export function appendResults(results: readonly Result[]): void {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`
  const common = { date: new Date().toISOString(), commit: commit(), machine, node: process.version }
  for (const { server, scenario, figures } of results) {
    const rounded = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Number(shown(value))]))
    appendFileSync(file, `${JSON.stringify({ ...common, server, scenario, ...rounded })}\n`)
  }
}

/** Prints one line a result: its figures, each beside its target. */
export function printResult(result: Result): void {
  const figures = Object.entries(result.figures).map(([name, value]) => {
    const target = result.targets[name]
    return `${name} ${shown(value)}${target === undefined ? '' : ` (${verdict(value, target)})`}`
  })
  const title = `${result.server.padEnd(8)} ${result.scenario.padEnd(12)} ${result.about.padEnd(48)}`
  process.stdout.write(`${title} ${figures.join('  ')}\n`)
}

function verdict(value: number, target: Target): string {
  if ('min' in target) return `${value >= target.min ? '✔' : '✖'} ≥ ${target.min}`
  return `${value <= target.max ? '✔' : '✖'} ≤ ${target.max}`
}

/** Three digits that mean something. */
function shown(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function commit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src') === '' ? '' : '+'}`
  } catch {
    return 'unknown'
  }
}
