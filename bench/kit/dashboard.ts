import { readFileSync } from 'node:fs'

import type { Prometheus, Series } from './prometheus.ts'

const file = new URL('../../docs/grafana-dashboard.json', import.meta.url)

/** What stands for the variables that Grafana fills in. */
const variables: Readonly<Record<string, string>> = { $__rate_interval: '5s', $instance: '.*' }

interface PanelPlan {
  readonly title: string
  readonly fieldConfig: { readonly defaults: { readonly unit: string } }
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[]
}

/** One expression of a panel and what it gave, each line under the name that Grafana would show. */
export interface Answered {
  readonly expression: string
  readonly lines: readonly (Pick<Series, 'points'> & { readonly name: string })[]
}

export interface Panel {
  readonly title: string
  readonly unit: string
  readonly answered: readonly Answered[]
}

/** Asks Prometheus for every panel of the dashboard, between two moments (seconds since 1970). */
export async function answerDashboard(prometheus: Prometheus, start: number, end: number): Promise<Panel[]> {
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as { panels: PanelPlan[] }
  const answer = async ({ expr, legendFormat }: PanelPlan['targets'][number]): Promise<Answered> => {
    const query = expr.replaceAll(/\$\w+/g, (name) => variables[name] ?? name)
    const series = await prometheus.queryRange(query, start, end)
    return {
      expression: expr,
      lines: series.map(({ labels, points }) => ({
        points,
        name: legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_whole, label: string) => labels[label] ?? '').trim(),
      })),
    }
  }
  return Promise.all(
    panels.map(async ({ title, targets, fieldConfig }) => ({
      title,
      unit: fieldConfig.defaults.unit,
      answered: await Promise.all(targets.map(answer)),
    })),
  )
}

/** Expressions that gave nothing, and those that gave something that is not a number. */
export function faultsOf(panels: readonly Panel[]): { readonly empty: string[]; readonly notNumbers: string[] } {
  const all = panels.flatMap(({ title, answered }) =>
    answered.map(({ expression, lines }) => ({ name: `${title}: ${expression}`, lines })),
  )
  const isNumber = ([, value]: readonly [number, number]): boolean => Number.isFinite(value)
  return {
    empty: all.filter(({ lines }) => lines.length === 0).map(({ name }) => name),
    notNumbers: all.filter(({ lines }) => lines.some(({ points }) => !points.every(isNumber))).map(({ name }) => name),
  }
}
