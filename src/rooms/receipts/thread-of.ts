import { isJsonObject } from '#protocol/json.ts'
import { jsonMember } from '#protocol/json-members.ts'

/** The root of the thread that a stored event says it is in, or undefined. */
export function threadOf(json: string): string | undefined {
  if (!json.includes('"m.thread"')) return undefined
  const content: unknown = JSON.parse(jsonMember(json, 'content') ?? '{}')
  const relation = isJsonObject(content) ? content['m.relates_to'] : undefined
  if (!isJsonObject(relation) || relation['rel_type'] !== 'm.thread') return undefined
  return typeof relation['event_id'] === 'string' ? relation['event_id'] : undefined
}
