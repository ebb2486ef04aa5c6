/**
 * The catalogue of Matrix error codes: the HTTP status each has unless an endpoint says otherwise, where it is
 * specified (at v1.19, unless it is a whole address), and what it says. docs/errors.md is made from it.
 * https://spec.matrix.org/v1.19/client-server-api/#common-error-codes
 */
export const errorCatalog = {
  M_APPSERVICE_LOGIN_UNSUPPORTED: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'An application service asks for a login that this server does not have.',
  },
  M_BAD_ALIAS: {
    status: 400,
    spec: 'client-server-api/#mroomcanonical_alias',
    when: 'An alias in `m.room.canonical_alias` does not lead to the room.',
  },
  M_BAD_JSON: {
    status: 400,
    spec: 'client-server-api/#common-error-codes',
    when: 'The JSON has not the form that the request needs.',
  },
  M_BAD_STATE: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'The change does not fit the state that things are in.',
  },
  M_CANNOT_LEAVE_SERVER_NOTICE_ROOM: {
    status: 403,
    spec: 'client-server-api/#other-error-codes',
    when: 'The room of the server’s notices cannot be left.',
  },
  M_CANNOT_OVERWRITE_MEDIA: {
    status: 409,
    spec: 'client-server-api/#put_matrixmediav3uploadservernamemediaid',
    when: 'There is media under this id already.',
  },
  M_CAPTCHA_INVALID: { status: 401, spec: 'client-server-api/#other-error-codes', when: 'The captcha was not solved.' },
  M_CAPTCHA_NEEDED: { status: 401, spec: 'client-server-api/#other-error-codes', when: 'A captcha has to be solved.' },
  M_DUPLICATE_ANNOTATION: {
    status: 400,
    spec: 'client-server-api/#avoiding-duplicate-annotations',
    when: 'The user has annotated the event with this already.',
  },
  M_EXCLUSIVE: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'The name belongs to an application service.',
  },
  M_FORBIDDEN: { status: 403, spec: 'client-server-api/#common-error-codes', when: 'The user may not.' },
  M_GUEST_ACCESS_FORBIDDEN: { status: 403, spec: 'client-server-api/#other-error-codes', when: 'Guests may not.' },
  M_INCOMPATIBLE_ROOM_VERSION: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'The other server does not know the room’s version.',
  },
  M_INVALID_PARAM: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'A parameter has a wrong value.',
  },
  M_INVALID_ROOM_STATE: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'The room that is to be made would break its own rules.',
  },
  M_INVALID_SIGNATURE: {
    status: 400,
    spec: 'client-server-api/#post_matrixclientv3keysdevice_signingupload',
    when: 'A signature is missing or wrong.',
  },
  M_INVALID_USERNAME: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'Accounts cannot have this name.',
  },
  M_INVITE_BLOCKED: {
    status: 403,
    spec: 'client-server-api/#invite-permission',
    when: 'The user takes no invitations.',
  },
  M_KEY_TOO_LARGE: {
    status: 400,
    spec: 'client-server-api/#put_matrixclientv3profileuseridkeyname',
    when: 'The name of a profile field is too long.',
  },
  M_LIMIT_EXCEEDED: {
    status: 429,
    spec: 'client-server-api/#common-error-codes',
    when: 'Too many requests: `retry_after_ms` says when to try again.',
  },
  M_MISSING_PARAM: { status: 400, spec: 'client-server-api/#other-error-codes', when: 'A parameter is missing.' },
  M_MISSING_TOKEN: {
    status: 401,
    spec: 'client-server-api/#common-error-codes',
    when: 'The request has no access token.',
  },
  M_NOT_FOUND: { status: 404, spec: 'client-server-api/#common-error-codes', when: 'There is none.' },
  M_NOT_JSON: { status: 400, spec: 'client-server-api/#common-error-codes', when: 'The body is not JSON.' },
  M_NOT_YET_UPLOADED: {
    status: 504,
    spec: 'client-server-api/#get_matrixclientv1mediadownloadservernamemediaid',
    when: 'The media has an id, and is still to come.',
  },
  M_PROFILE_TOO_LARGE: {
    status: 400,
    spec: 'client-server-api/#put_matrixclientv3profileuseridkeyname',
    when: 'The profile as a whole would be too large.',
  },
  M_RESOURCE_LIMIT_EXCEEDED: {
    status: 403,
    spec: 'client-server-api/#common-error-codes',
    when: 'The server or the account holds as much as it may.',
  },
  M_ROOM_IN_USE: { status: 400, spec: 'client-server-api/#other-error-codes', when: 'The alias is taken.' },
  M_SERVER_NOT_TRUSTED: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'This server does not trust the identity server.',
  },
  M_THREEPID_AUTH_FAILED: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'The address was not confirmed.',
  },
  M_THREEPID_DENIED: {
    status: 403,
    spec: 'client-server-api/#other-error-codes',
    when: 'Addresses like this are not taken.',
  },
  M_THREEPID_IN_USE: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'The address belongs to an account already.',
  },
  M_THREEPID_MEDIUM_NOT_SUPPORTED: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'This server does not send to addresses of this kind.',
  },
  M_THREEPID_NOT_FOUND: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'No account has the address.',
  },
  M_TOO_LARGE: {
    status: 413,
    spec: 'client-server-api/#other-error-codes',
    when: 'The request or the event is too large.',
  },
  M_UNABLE_TO_AUTHORISE_JOIN: {
    status: 400,
    spec: 'server-server-api/#restricted-rooms',
    when: 'This server cannot tell whether the user may join.',
  },
  M_UNABLE_TO_GRANT_JOIN: {
    status: 400,
    spec: 'server-server-api/#restricted-rooms',
    when: 'The user may join; nobody of this server may let them in.',
  },
  M_UNAUTHORIZED: {
    status: 401,
    spec: 'client-server-api/#other-error-codes',
    when: 'The request is not signed, or not by whom it should be.',
  },
  M_UNKNOWN: {
    status: 500,
    spec: 'client-server-api/#common-error-codes',
    when: 'Something went wrong here; the log knows what.',
  },
  M_UNKNOWN_DEVICE: {
    status: 400,
    spec: 'client-server-api/#common-error-codes',
    when: 'The device that an application service speaks for does not exist.',
  },
  M_UNKNOWN_POS: {
    status: 400,
    spec: 'https://github.com/matrix-org/matrix-spec-proposals/pull/4186',
    when: 'The server does not know the position in the stream: sync from the start.',
  },
  M_UNKNOWN_TOKEN: {
    status: 401,
    spec: 'client-server-api/#common-error-codes',
    when: 'The access token is not, or no longer, one.',
  },
  M_UNRECOGNIZED: {
    status: 404,
    spec: 'client-server-api/#common-error-codes',
    when: 'There is no such endpoint, or not with this method.',
  },
  M_UNSUPPORTED_ROOM_VERSION: {
    status: 400,
    spec: 'client-server-api/#other-error-codes',
    when: 'This server does not know the room version.',
  },
  M_USER_DEACTIVATED: {
    status: 403,
    spec: 'client-server-api/#other-error-codes',
    when: 'The account has been closed.',
  },
  M_USER_IN_USE: { status: 400, spec: 'client-server-api/#other-error-codes', when: 'The user name is taken.' },
  M_USER_LIMIT_EXCEEDED: {
    status: 403,
    spec: 'client-server-api/#common-error-codes',
    when: 'The user has as much as a user may have.',
  },
  M_USER_LOCKED: { status: 401, spec: 'client-server-api/#common-error-codes', when: 'The account is locked.' },
  M_USER_SUSPENDED: {
    status: 403,
    spec: 'client-server-api/#common-error-codes',
    when: 'The account is suspended: it can read, and not write.',
  },
  M_WEAK_PASSWORD: {
    status: 400,
    spec: 'client-server-api/#password-management',
    when: 'The password is too easy to guess.',
  },
  M_WRONG_ROOM_KEYS_VERSION: {
    status: 403,
    spec: 'client-server-api/#put_matrixclientv3room_keyskeys',
    when: 'The backup of keys has another version.',
  },
} as const

export type ErrorCode = keyof typeof errorCatalog

/** The address at which a code is specified. */
export function specificationOf(code: ErrorCode): string {
  const { spec } = errorCatalog[code]
  return spec.startsWith('https:') ? spec : `https://spec.matrix.org/v1.19/${spec}`
}

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
    this.status = options.status ?? errorCatalog[code].status
    this.extra = options.extra ?? {}
  }
}
