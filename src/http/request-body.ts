import { isUtf8 } from 'node:buffer'
import { MatrixError } from '#protocol/errors.ts'
import { parseJsonText } from '#protocol/json-text.ts'
import type { JsonValue } from '#protocol/json.ts'

/**
 * Reads a body that has to be JSON in UTF-8. Throws `M_NOT_JSON` for what is not, and `M_BAD_JSON` for JSON that
 * different readers would understand differently (keys given twice, lone surrogates) or that nests too deep.
 * https://spec.matrix.org/v1.19/client-server-api/#api-standards
 */
export function readJsonBody(bytes: Buffer): JsonValue {
  if (!isUtf8(bytes)) throw new MatrixError('M_NOT_JSON', 'The body is not text in UTF-8.')
  return parseJsonText(bytes.toString('utf8'))
}

/** Reads what an HTML form sends (`application/x-www-form-urlencoded`): texts by name, the last of a name counting. */
export function readFormBody(bytes: Buffer): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(bytes.toString('utf8')))
}
