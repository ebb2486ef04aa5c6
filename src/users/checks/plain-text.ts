import { MatrixError } from '#protocol/errors.ts'

/**
 * Gives back `value` when it may be stored as a name: at most `bytesMax` bytes of UTF-8 and no NUL, which PostgreSQL
 * cannot keep. Otherwise throws M_INVALID_PARAM, naming the field `name`.
 */
export function plainText(value: string, name: string, bytesMax: number): string {
  if (value.includes('\0')) throw new MatrixError('M_INVALID_PARAM', `${name} must not contain the character NUL.`)
  if (!value.isWellFormed()) throw new MatrixError('M_INVALID_PARAM', `${name} is not well-formed Unicode.`)
  if (Buffer.byteLength(value) > bytesMax)
    throw new MatrixError('M_INVALID_PARAM', `${name} must have at most ${bytesMax} bytes.`)
  return value
}
