import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { MatrixError } from '#protocol/errors.ts'
import { passwordBytesMax } from './passwords.ts'
import type { Registered, Registration } from './registration.ts'
import { randomText } from './tokens.ts'

const nonceBytes = 32
const nonceMsMax = 60_000
const noncesMax = 10_000
const userTypes: ReadonlySet<string> = new Set(['support', 'bot'])

/** A registration signed with the shared secret. `mac` is hexadecimal. */
export interface SharedSecretRequest {
  readonly nonce: string
  readonly username: string
  readonly password: string
  readonly admin: boolean
  readonly userType: string | undefined
  readonly inhibitLogin: boolean
  readonly mac: string
}

/**
 * Registration by scripts that know a secret of the configuration, in the form that Synapse gave it, so that the tools
 * made for it work here: https://element-hq.github.io/synapse/latest/admin_api/register_api.html
 */
export class SharedSecretRegistration {
  readonly #registration: Registration
  readonly #clock: Clock
  #secret: string | undefined
  /** Until when each nonce is good, oldest first; monotonic milliseconds. */
  readonly #nonces = new Map<string, number>()

  constructor(deps: {
    readonly registration: Registration
    readonly clock: Clock
    /** Undefined: this way to register is off. */
    readonly secret: string | undefined
  }) {
    this.#registration = deps.registration
    this.#clock = deps.clock
    this.#secret = deps.secret
  }

  /** Another secret is in force from now on; undefined switches this way to register off. */
  changeSecret(secret: string | undefined): void {
    this.#secret = secret
  }

  /** A nonce, good once and for a minute. Throws M_UNKNOWN (400) when there is no secret. */
  nonce(): string {
    this.#requireSecret()
    const now = this.#clock.monotonic()
    for (const [old, until] of this.#nonces) {
      if (until > now && this.#nonces.size < noncesMax) break
      this.#nonces.delete(old)
    }
    const nonce = randomText(nonceBytes)
    this.#nonces.set(nonce, now + nonceMsMax)
    return nonce
  }

  /**
   * Makes the account. The password may be as weak as the holder of the secret likes. Throws M_UNKNOWN (400) for the
   * nonce, M_FORBIDDEN for the mac, and what `Registration.register` throws.
   */
  async register(request: SharedSecretRequest): Promise<Registered> {
    const secret = this.#requireSecret()
    const until = this.#nonces.get(request.nonce)
    this.#nonces.delete(request.nonce)
    if (until === undefined || until <= this.#clock.monotonic())
      throw new MatrixError('M_UNKNOWN', 'The nonce is not known here (any more): ask for a new one.', { status: 400 })
    checkFields(request)
    const expected = Buffer.from(macOf(request, secret))
    const given = Buffer.from(request.mac)
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw new MatrixError('M_FORBIDDEN', 'The mac is wrong: is the shared secret the same?')
    const { username, password, admin, userType, inhibitLogin } = request
    return this.#registration.register({ username, password, admin, userType, inhibitLogin })
  }

  #requireSecret(): string {
    if (this.#secret === undefined)
      throw new MatrixError('M_UNKNOWN', 'Registration with a shared secret is not enabled here.', { status: 400 })
    return this.#secret
  }
}

/** NUL parts the fields under the mac, so none may hold one: two requests would have the same mac. */
function checkFields({ username, password, userType }: SharedSecretRequest): void {
  if (username.includes('\0')) throw new MatrixError('M_INVALID_PARAM', 'username must not contain NUL.')
  if (password.includes('\0')) throw new MatrixError('M_INVALID_PARAM', 'password must not contain NUL.')
  if (Buffer.byteLength(password) > passwordBytesMax)
    throw new MatrixError('M_INVALID_PARAM', `password must have at most ${passwordBytesMax} bytes.`)
  if (userType !== undefined && !userTypes.has(userType))
    throw new MatrixError('M_INVALID_PARAM', 'user_type must be "support" or "bot".')
}

function macOf(request: SharedSecretRequest, secret: string): string {
  const fields = [request.nonce, request.username, request.password, request.admin ? 'admin' : 'notadmin']
  if (request.userType !== undefined) fields.push(request.userType)
  return createHmac('sha1', secret).update(fields.join('\0')).digest('hex')
}
