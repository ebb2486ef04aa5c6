import { Type } from '#http/schema.ts'
import { routeFor, type Route } from '#http/route.ts'
import { localpartOf, parseUserId, type ServerName, type UserId } from '#protocol/identifiers.ts'
import type { Accounts } from '#users/accounts.ts'
import { checkNewPassword, type Registration } from '#users/registration.ts'
import type { RegistrationTokens } from '#users/registration-tokens.ts'

/** What the person who runs the server may do from the command line. A user is named as `alice` or `@alice:example.org`. */
export interface Operator {
  /** Makes an account, whatever the mode of registration; gives its user id. */
  createUser(user: string, password: string, admin: boolean): Promise<string>
  /** Gives an account a new password; gives its user id. */
  setPassword(user: string, password: string): Promise<string>
  /** Makes a token with which `uses` people can make an account. */
  createToken(uses: number): Promise<string>
  /** The address that clients are told to use. */
  publicAddress(): Promise<string>
}

interface OperatorDeps {
  readonly serverName: ServerName
  readonly accounts: Accounts
  readonly registration: Registration
  readonly registrationTokens: RegistrationTokens
  readonly publicAddress: () => string
}

/** The operator's work, done in this process. */
export class HouseOperator implements Operator {
  readonly #deps: OperatorDeps

  constructor(deps: OperatorDeps) {
    this.#deps = deps
  }

  async createUser(user: string, password: string, admin: boolean): Promise<string> {
    checkNewPassword(password)
    const username = localpartOf(this.#userId(user))
    const { userId } = await this.#deps.registration.register({ username, password, admin, inhibitLogin: true })
    return userId
  }

  async setPassword(user: string, password: string): Promise<string> {
    checkNewPassword(password)
    const userId = this.#userId(user)
    await this.#deps.accounts.setPassword(userId, password)
    return userId
  }

  createToken(uses: number): Promise<string> {
    return this.#deps.registrationTokens.create({ usesAllowed: uses })
  }

  publicAddress(): Promise<string> {
    return Promise.resolve(this.#deps.publicAddress())
  }

  #userId(user: string): UserId {
    return parseUserId(user.startsWith('@') ? user : `@${user}:${this.#deps.serverName}`)
  }
}

/** Where the operator's work is asked of a running server. Offered on the control socket alone, never on a listener. */
export const operatorPaths = {
  createUser: '/operator/users',
  setPassword: '/operator/passwords',
  createToken: '/operator/tokens',
  publicAddress: '/operator/public-address',
} as const

const route = routeFor<never>()
const userAndPassword = { user: Type.String(), password: Type.String() }

/** The doors of the control socket: one for each method of an operator. */
export function operatorRoutes(operator: Operator): Route<never>[] {
  return [
    route({
      method: 'POST',
      path: operatorPaths.createUser,
      auth: 'none',
      body: Type.Object({ ...userAndPassword, admin: Type.Boolean() }),
      handler: async ({ body }) => ({ result: await operator.createUser(body.user, body.password, body.admin) }),
    }),
    route({
      method: 'POST',
      path: operatorPaths.setPassword,
      auth: 'none',
      body: Type.Object(userAndPassword),
      handler: async ({ body }) => ({ result: await operator.setPassword(body.user, body.password) }),
    }),
    route({
      method: 'POST',
      path: operatorPaths.createToken,
      auth: 'none',
      body: Type.Object({ uses: Type.Integer({ minimum: 1 }) }),
      handler: async ({ body }) => ({ result: await operator.createToken(body.uses) }),
    }),
    route({
      method: 'POST',
      path: operatorPaths.publicAddress,
      auth: 'none',
      handler: async () => ({ result: await operator.publicAddress() }),
    }),
  ]
}
