/**
 * Keeps the documents true: links and paths lead somewhere, the map shows the plan, the list of dependencies is
 * package.json's, and every link to the specification is to the version we implement.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { withDrawing } from './draw-house.ts'

const specVersion = 'v1.19'
const licences = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD'])

/** A document of ours and its text. */
export interface Document {
  readonly path: string
  readonly text: string
}

/** Relative links of a document that lead nowhere. `exists` says whether the repository has a path. */
export function deadLinks({ path, text }: Document, exists: (path: string) => boolean): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '')
  const local = links.filter((link) => !/^([a-z]+:|#)/.test(link)).map((link) => link.replace(/#.*$/, ''))
  return local.filter((link) => !exists(normalize(join(dirname(path), link)))).map((link) => `links to ${link}`)
}

/** Paths in code marks (`src/rooms/timeline.ts`) that do not exist. A path with `<…>`, `…`, `*` or `NNNN` is a pattern. */
export function deadPaths({ text }: Document, exists: (path: string) => boolean): string[] {
  const paths = [...text.matchAll(/`((?:src|test|scripts|docs|bench|bin)\/[^`\s]*)`/g)].map((match) => match[1] ?? '')
  return paths
    .filter((path) => !/[<>{}*…]|NNNN/.test(path))
    .filter((path) => !exists(path))
    .map((path) => `names ${path}`)
}

/** Links to the specification that name another version than ours. */
export function staleSpecLinks({ text }: Document): string[] {
  const links = [...text.matchAll(/https:\/\/spec\.matrix\.org\/([^/\s)]*)/g)]
  return links.filter((match) => match[1] !== specVersion).map((match) => `links to version ${match[1]} of the spec`)
}

/** A package that package.json names, with the licence it declares where it is installed. */
export interface Dependency {
  readonly name: string
  readonly licence: string | undefined
}

/** Differences between the packages used and the table of docs/dependencies.md (name, licence, reason). */
export function dependencyFaults(table: string, used: readonly Dependency[]): string[] {
  const rows = [...table.matchAll(/^\| `([^`]+)` +\| ([^|]*?) +\| ([^|]*?) +\|$/gm)]
  const listed = new Map(rows.map(([, name = '', licence = '', reason = '']) => [name, { licence, reason }]))
  const faults = [...listed.keys()]
    .filter((name) => !used.some((dependency) => dependency.name === name))
    .map((name) => `lists ${name}, which package.json does not`)
  for (const { name, licence } of used) {
    const row = listed.get(name)
    if (row === undefined) faults.push(`does not list ${name}`)
    else if (licence !== undefined && row.licence !== licence) faults.push(`${name} is under ${licence}`)
    else if (row.reason === '') faults.push(`gives no reason for ${name}`)
    else if (!licences.has(row.licence)) faults.push(`${name}: licence ${row.licence} is not one we accept`)
  }
  return faults
}

function usedDependencies(): Dependency[] {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, Record<string, string>>
  const groups = [manifest['dependencies'], manifest['optionalDependencies'], manifest['devDependencies']]
  return groups
    .flatMap((group) => Object.keys(group ?? {}))
    .map((name) => {
      const path = `node_modules/${name}/package.json`
      if (!existsSync(path)) return { name, licence: undefined }
      return { name, licence: (JSON.parse(readFileSync(path, 'utf8')) as { license?: string }).license }
    })
}

function read(path: string): Document {
  return { path: path.replaceAll('\\', '/'), text: readFileSync(path, 'utf8') }
}

function checkAll(): string[] {
  const faults: string[] = []
  const add = (path: string, problems: readonly string[]): void => {
    for (const problem of problems) faults.push(`${path}: ${problem}`)
  }
  for (const document of globSync(['*.md', 'docs/**/*.md', 'test/**/*.md', 'bench/**/*.md']).map(read)) {
    add(document.path, deadLinks(document, existsSync))
    add(document.path, deadPaths(document, existsSync))
    add(document.path, staleSpecLinks(document))
  }
  for (const document of globSync(['src/**/*.ts', 'test/**/*.ts']).map(read)) {
    add(document.path, staleSpecLinks(document))
  }
  const map = read('docs/architecture.md')
  if (withDrawing(map.text) !== map.text) add(map.path, ['is out of date: node scripts/draw-house.ts --write'])
  add('docs/dependencies.md', dependencyFaults(read('docs/dependencies.md').text, usedDependencies()))
  const numbers = globSync('docs/decisions/*.md').map((path) => /(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1] ?? path)
  if (new Set(numbers).size !== numbers.length) add('docs/decisions', ['two records have one number'])
  return faults
}

if (import.meta.main) {
  const faults = checkAll()
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  process.stdout.write(`docs: ${faults.length} faults\n`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
