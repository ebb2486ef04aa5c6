import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import { jsonMember } from '#protocol/json-members.ts'

/**
 * The `rel_type` with which an event relates to another, from its stored text; undefined when it relates to none.
 * Parses the content only when it mentions a relation at all.
 */
export function ownRelationType(json: string): string | undefined {
  if (!json.includes('"m.relates_to"')) return undefined
  const content: unknown = JSON.parse(jsonMember(json, 'content') ?? '{}')
  const relation = isJsonObject(content) ? content['m.relates_to'] : undefined
  const type = isJsonObject(relation) ? relation['rel_type'] : undefined
  return typeof type === 'string' ? type : undefined
}

/** The id of the event that this content relates to with a `rel_type`, or undefined. */
export function relationTarget(content: JsonObject): string | undefined {
  const relation = content['m.relates_to']
  if (!isJsonObject(relation) || typeof relation['rel_type'] !== 'string') return undefined
  return typeof relation['event_id'] === 'string' ? relation['event_id'] : undefined
}
