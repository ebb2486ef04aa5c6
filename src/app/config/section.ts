import type { Problem, Setting, Shown, ValueOf } from './setting.ts'
import { nearest } from './suggestion.ts'

type Fields = Readonly<Record<string, Setting<unknown>>>

/** What a section of these fields gives. */
export type SectionOf<F extends Fields> = { readonly [Key in keyof F]: ValueOf<F[Key]> }

/**
 * A setting made of named settings. Keys are written `like_this` in the file and `likeThis` in the code. Unknown keys
 * are problems, with a suggestion; a section left out holds each field's own default.
 */
export function section<F extends Fields>(description: string, fields: F): Setting<SectionOf<F>> {
  const shown = { lines: sectionLines(fields), block: true }
  return {
    description,
    otherwise: otherwiseOf(fields),
    shown,
    example: shown,
    read: (value, at, problems) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        problems.push({ at, text: 'has to be a section: keys with values, indented' })
        return undefined
      }
      return readFields(fields, value as Record<string, unknown>, at, problems)
    },
  }
}

function readFields<F extends Fields>(
  fields: F,
  given: Readonly<Record<string, unknown>>,
  at: string,
  problems: Problem[],
): SectionOf<F> {
  const under = (key: string): string => (at === '' ? key : `${at}.${key}`)
  const known = new Map(Object.keys(fields).map((name) => [fileKey(name), name]))
  for (const key of Object.keys(given)) {
    if (known.has(key)) continue
    const suggestion = nearest(key, [...known.keys()])
    const hint =
      suggestion === undefined ? `known keys: ${[...known.keys()].join(', ')}` : `did you mean ${suggestion}?`
    problems.push({ at: under(key), text: `is unknown; ${hint}` })
  }
  const values: Record<string, unknown> = {}
  for (const [key, name] of known) {
    const field = fields[name] as Setting<unknown>
    // A key with nothing behind it counts as left out, as YAML's comments make it easy to leave one bare.
    if (given[key] !== undefined && given[key] !== null) values[name] = field.read(given[key], under(key), problems)
    else if (field.otherwise === undefined) problems.push({ at: under(key), text: `is missing: ${field.description}` })
    else values[name] = field.otherwise.value
  }
  return Object.freeze(values) as SectionOf<F>
}

function otherwiseOf<F extends Fields>(fields: F): { readonly value: SectionOf<F> } | undefined {
  const values: Record<string, unknown> = {}
  for (const [name, { otherwise }] of Object.entries(fields)) {
    if (otherwise === undefined) return undefined
    values[name] = otherwise.value
  }
  return { value: Object.freeze(values) as SectionOf<F> }
}

/** `poolSize` → `pool_size`. */
export function fileKey(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** Width of a comment in the sample, `# ` included. */
const commentWidth = 100

/**
 * The sample's lines for these fields: each description as a comment, then the key with what holds by itself; what may
 * be left out and then holds nothing is commented out. */
export function sectionLines(fields: Fields): string[] {
  return Object.entries(fields).flatMap(([name, setting], index) => {
    const key = fileKey(name)
    const comment = [...(index === 0 ? [] : ['']), ...commentLines(setting.description)]
    if (setting.shown !== undefined) return [...comment, ...keyLines(key, setting.shown)]
    const example = keyLines(key, setting.example)
    // What has to be given stands there as an example to be changed; what may be left out is commented out.
    if (setting.otherwise === undefined) return [...comment, ...example]
    return [...comment, ...example.map((line) => `# ${line}`.trimEnd())]
  })
}

function keyLines(key: string, { lines, block }: Shown): string[] {
  if (!block) return [`${key}: ${lines.join('')}`]
  return [`${key}:`, ...lines.map((line) => (line === '' ? '' : `  ${line}`))]
}

/** A text as comment lines of at most `commentWidth` characters; its own line breaks stay. */
export function commentLines(text: string): string[] {
  const lines: string[] = []
  for (const paragraph of text === '' ? [] : text.split('\n')) {
    let line = '#'
    for (const word of paragraph.split(' ')) {
      if (line.length + 1 + word.length > commentWidth) {
        lines.push(line)
        line = '#'
      }
      line += ` ${word}`
    }
    lines.push(line)
  }
  return lines
}
