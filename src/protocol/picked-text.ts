import { jsonMembers } from './json-members.ts'
import { splitPath } from './property-path.ts'

/** Which fields are wanted: by name as JSON writes it, all of a value or the wanted fields within it. */
export interface FieldTree {
  readonly inside: ReadonlyMap<string, FieldTree | 'all'>
}

interface Branch {
  readonly inside: Map<string, Branch | 'all'>
}

/**
 * The fields that a filter's dotted paths name, for `pickText`; undefined when there are none, which wants everything.
 * What a path names whole stays whole, whatever other paths name within it.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter
 */
export function fieldTree(paths: readonly string[]): FieldTree | undefined {
  if (paths.length === 0) return undefined
  const root: Branch = { inside: new Map() }
  for (const path of paths) addPath(root, splitPath(path))
  return root
}

function addPath(root: Branch, names: readonly string[]): void {
  let branch = root
  for (const [index, name] of names.entries()) {
    const key = JSON.stringify(name).slice(1, -1)
    const next = branch.inside.get(key)
    if (next === 'all') return
    if (index === names.length - 1) {
      branch.inside.set(key, 'all')
      return
    }
    const inner = next ?? { inside: new Map() }
    branch.inside.set(key, inner)
    branch = inner
  }
}

/**
 * An object's text with nothing but the wanted fields, each as it was, digit for digit. Only objects are gone into; one
 * in which nothing was found is left out. The text must be canonical JSON. Linear in the text, once for each level.
 */
export function pickText(text: string, tree: FieldTree): string {
  let result = ''
  for (const member of jsonMembers(text)) {
    const wanted = tree.inside.get(member.key)
    if (wanted === undefined) continue
    if (wanted === 'all') {
      result += ',' + text.slice(member.start, member.end)
      continue
    }
    const value = text.slice(member.value, member.end)
    if (!value.startsWith('{')) continue
    const inner = pickText(value, wanted)
    if (inner !== '{}') result += ',' + text.slice(member.start, member.value) + inner
  }
  return '{' + result.slice(1) + '}'
}
