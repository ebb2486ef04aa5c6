/**
 * Draws the floors of house.ts into docs/architecture.md: `node scripts/draw-house.ts --write`. Without `--write` it
 * only says whether the drawing is up to date; check-docs.ts asks the same.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { house } from './house.ts'

const mapPath = 'docs/architecture.md'
const begin = '<!-- house: drawn by scripts/draw-house.ts -->'
const end = '<!-- /house -->'

const views: readonly string[] = [
  'used by all, use nothing',
  'SQL',
  'positions, other servers, requests',
  'people, files',
  'the event graph',
  'watchers and readers; never use one another',
  'doors',
  'configuration and command line',
]

/** The floors as a picture, the highest on top, and a table of the folders with what each may use. */
export function drawHouse(): string {
  const floors = [...new Set(house.map((folder) => folder.floor))].sort((a, b) => b - a)
  const lines = floors.map((floor) => {
    const names = house.filter((folder) => folder.floor === floor).map((folder) => folder.name)
    return ` ${floor}  ${names.join('   ').padEnd(58)}${views[floor] ?? ''}`
  })
  const rule = `${' '.repeat(4)}${'─'.repeat(96)}`
  const picture = ['```text', lines.join(`\n${rule}\n`), '```'].join('\n')
  const rows = house.toReversed().map((folder) => {
    const uses = folder.name === 'app' ? 'everything' : folder.mayUse.join(', ') || '–'
    return `| \`${folder.name}\` | ${folder.about} | ${uses} |`
  })
  return [picture, '', '| folder | what lives here | may use |', '| --- | --- | --- |', ...rows].join('\n')
}

/** The text of the map with the drawing in its place. Throws when the place is not marked. */
export function withDrawing(map: string): string {
  const from = map.indexOf(begin)
  const to = map.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${mapPath} has no place for the drawing between '${begin}' and '${end}'`)
  return `${map.slice(0, from)}${begin}\n\n${drawHouse()}\n\n${map.slice(to)}`
}

if (import.meta.main) {
  const map = readFileSync(mapPath, 'utf8')
  const drawn = withDrawing(map)
  if (process.argv.includes('--write')) writeFileSync(mapPath, drawn)
  else if (drawn !== map) {
    process.stderr.write(`${mapPath} is out of date: node scripts/draw-house.ts --write\n`)
    process.exitCode = 1
  }
}
