/**
 * The catalogue of Matrix error codes, with the HTTP status each one has unless an endpoint says otherwise.
 * https://spec.matrix.org/v1.19/client-server-api/#common-error-codes
 */
export const errorStatus = {
  M_BAD_ALIAS: 400,
  M_BAD_JSON: 400,
  M_BAD_STATE: 400,
  M_CANNOT_OVERWRITE_MEDIA: 409,
  M_CAPTCHA_INVALID: 401,
  M_CAPTCHA_NEEDED: 401,
  M_CONFLICT: 409,
  M_DUPLICATE_ANNOTATION: 400,
  M_EXCLUSIVE: 400,
  M_FORBIDDEN: 403,
  M_GUEST_ACCESS_FORBIDDEN: 403,
  M_INCOMPATIBLE_ROOM_VERSION: 400,
  M_INVALID_PARAM: 400,
  M_INVALID_ROOM_STATE: 400,
  M_INVALID_SIGNATURE: 400,
  M_INVALID_USERNAME: 400,
  M_INVITE_BLOCKED: 403,
  M_KEY_TOO_LARGE: 400,
  M_LIMIT_EXCEEDED: 429,
  M_MISSING_PARAM: 400,
  M_MISSING_TOKEN: 401,
  M_NOT_FOUND: 404,
  M_NOT_JSON: 400,
  M_PROFILE_TOO_LARGE: 400,
  M_RESOURCE_LIMIT_EXCEEDED: 403,
  M_ROOM_IN_USE: 400,
  M_TOO_LARGE: 413,
  M_UNAUTHORIZED: 401,
  M_UNKNOWN: 500,
  M_UNKNOWN_DEVICE: 400,
  M_UNKNOWN_POS: 400,
  M_UNKNOWN_TOKEN: 401,
  M_UNRECOGNIZED: 404,
  M_UNSUPPORTED_ROOM_VERSION: 400,
  M_USER_DEACTIVATED: 403,
  M_USER_IN_USE: 400,
  M_USER_LOCKED: 401,
  M_USER_SUSPENDED: 403,
  M_WEAK_PASSWORD: 400,
  M_WRONG_ROOM_KEYS_VERSION: 403,
} as const

export type ErrorCode = keyof typeof errorStatus

/**
 * An answer that is an error by the Matrix specification. Any floor may throw one; only `http/` turns it into bytes.
 * `message` is shown to people: it says what is wrong and what to do, and never carries internals.
 */
export class MatrixError extends Error {
  readonly code: ErrorCode
  readonly status: number
  /** Further members of the answer's body, for example `retry_after_ms` or `soft_logout`. */
  readonly extra: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: { status?: number; extra?: Record<string, unknown> } = {}) {
    super(message)
    this.name = 'MatrixError'
    this.code = code
    this.status = options.status ?? errorStatus[code]
    this.extra = options.extra ?? {}
  }
}
