import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { chromium } from 'playwright-core'

import type { Panel } from './dashboard.ts'

const browser = process.env['TESSERA_TEST_CHROMIUM'] ?? '/usr/bin/chromium'
const uplot = fileURLToPath(import.meta.resolve('uplot/dist/uPlot.iife.min.js'))
const width = 1_400

/** Writes the panels as a page into `folder`, and as a picture when there is a browser; gives the file to look at. */
export async function drawDashboard(panels: readonly Panel[], folder: string): Promise<string> {
  const page = join(folder, 'dashboard.html')
  writeFileSync(page, html(panels))
  if (!existsSync(browser)) return page
  const picture = join(folder, 'dashboard.png')
  const opened = await chromium.launch({
    executablePath: browser,
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  })
  try {
    const tab = await opened.newPage({ viewport: { width, height: 900 } })
    await tab.goto(pathToFileURL(page).href)
    await tab.screenshot({ path: picture, fullPage: true })
  } finally {
    await opened.close()
  }
  return picture
}

/** A chart for each panel, as uPlot wants its data: one axis of times, and a column for each line. */
function html(panels: readonly Panel[]): string {
  const charts = panels.map(({ title, unit, answered }) => {
    const lines = answered.flatMap(({ lines: each }) => each)
    const times = [...new Set(lines.flatMap(({ points }) => points.map(([seconds]) => seconds)))].sort((a, b) => a - b)
    const columns = lines.map(({ points }) => {
      const at = new Map(points)
      return times.map((seconds) => at.get(seconds) ?? null)
    })
    return { title: `${title} (${unit})`, names: lines.map(({ name }) => name), data: [times, ...columns] }
  })
  const data = JSON.stringify(charts).replaceAll('<', '\\u003c')
  return `<!doctype html><meta charset="utf-8"><title>Tessera</title>
<style>${readFileSync(uplot.replace('iife.min.js', 'min.css'), 'utf8')}
body{font:13px sans-serif;display:grid;grid-template-columns:1fr 1fr;gap:8px}
.u-legend{font-size:9px;max-height:7em;overflow:hidden}</style><body>
<script>${readFileSync(uplot, 'utf8')}</script>
<script>for (const { title, names, data } of ${data}) {
  const color = (index) => 'hsl(' + (index * 137) % 360 + ' 70% 45%)'
  const series = [{}, ...names.map((label, index) => ({ label, stroke: color(index), width: 1.5, points: { show: false } }))]
  new uPlot({ title, width: ${width / 2 - 20}, height: 200, series, axes: [{}, { size: 100 }] }, data, document.body)
}</script>`
}
