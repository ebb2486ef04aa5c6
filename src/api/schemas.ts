import { Type } from '#http/schema.ts'
import type { Static, TSchema, TUnsafe } from 'typebox'
import type { JsonObject } from '#protocol/json.ts'

/** Any JSON object: for what the server keeps or reads field by field. */
export const jsonObject = Type.Unsafe<JsonObject>(Type.Object({}))

/**
 * An object used as a map: any names, values of one form. `Type.Record` would let values under names with a line break
 * pass unchecked, for its pattern of names stops there.
 */
export function mapOf<Value extends TSchema>(value: Value): TUnsafe<Readonly<Record<string, Static<Value>>>> {
  return Type.Unsafe({ type: 'object', additionalProperties: value })
}
