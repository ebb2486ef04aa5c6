import { Type } from '#http/schema.ts'
import type { JsonValue } from '#protocol/json.ts'

/** The `auth` member of a body that may carry a stage of user-interactive authentication; `UiAuth` reads it. */
export const authData = Type.Optional(Type.Unsafe<JsonValue>({}))
