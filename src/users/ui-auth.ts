import type { Clock } from '#base/clock.ts'
import { canonicalJson } from '#protocol/canonical-json.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import { randomText, tokenHash } from './tokens.ts'

const sessionIdBytes = 18
/** Sessions kept; the oldest is dropped for a new one. */
const sessionsMax = 10_000
const sessionMsMax = 15 * 60 * 1000

/** One way to prove something, for example `m.login.password`. */
export interface UiAuthStage {
  readonly type: string
  /** Looks at the client's `auth` object. Gives what the endpoint may need to know; throws a MatrixError otherwise. */
  check(auth: JsonObject, userId: UserId | undefined): Promise<string>
}

/** A call that needs the user's proof. */
export interface UiAuthRequest {
  /** Method and path, ids filled in (`DELETE /devices/ABC`): what is proven for one operation is good for no other. */
  readonly operation: string
  /** The request's body; its `auth` is the proof. */
  readonly body: JsonObject
  /** Whose access token the request bears; undefined at registration. */
  readonly userId: UserId | undefined
  /** Ways to succeed, each a list of stages in order. */
  readonly flows: readonly (readonly string[])[]
}

/** Either the call may go on, with what each stage found, or `body` is to be answered with status 401. */
export type UiAuthOutcome =
  | { readonly complete: true; readonly results: ReadonlyMap<string, string> }
  | { readonly complete: false; readonly body: JsonObject }

interface UiAuthSession {
  readonly id: string
  readonly operation: string
  readonly userId: UserId | undefined
  readonly until: number
  /** Result by stage, in the order of completion. */
  readonly completed: Map<string, string>
  /** Digest of the body whose stages are being completed; undefined before the first is. */
  bodyDigest: string | undefined
}

/** The flow of a user who proves who they are by their password. */
export const passwordFlows: readonly (readonly string[])[] = [['m.login.password']]

/**
 * User-interactive authentication. Its sessions live in memory: after a restart a client is asked once more.
 * https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api
 *
 * A session belongs to one user and one operation from its start, and to one body from the first stage completed; so a
 * client may ask for the flows with an empty body, but cannot have one body approved and send another.
 */
export class UiAuth {
  readonly #clock: Clock
  readonly #stages: ReadonlyMap<string, UiAuthStage>
  /** By id, oldest first. */
  readonly #sessions = new Map<string, UiAuthSession>()

  constructor(deps: { readonly clock: Clock; readonly stages: readonly UiAuthStage[] }) {
    this.#clock = deps.clock
    this.#stages = new Map(deps.stages.map((stage) => [stage.type, stage]))
  }

  /**
   * Looks whether the request is proven, and takes the next stage if it carries one. Throws M_BAD_JSON when `auth` is
   * not an object, and M_LIMIT_EXCEEDED from a stage; every other failure is an outcome.
   */
  async require(request: UiAuthRequest): Promise<UiAuthOutcome> {
    const auth = request.body['auth']
    if (auth === undefined || auth === null) return challenge(this.#open(request), request)
    if (!isJsonObject(auth)) throw new MatrixError('M_BAD_JSON', 'auth in the body must be an object.')
    const session = this.#find(auth['session'], request)
    if (session === undefined)
      return challenge(this.#open(request), request, ['M_UNAUTHORIZED', 'The session is not known here (any more).'])
    const digest = digestOf(request.body)
    if (session.bodyDigest !== undefined && session.bodyDigest !== digest)
      return challenge(this.#open(request), request, ['M_UNAUTHORIZED', 'This is not the request that was confirmed.'])
    const failure = await this.#take(session, auth, request)
    if (failure !== undefined) return challenge(session, request, failure)
    if (session.completed.size > 0) session.bodyDigest = digest
    if (isComplete(session, request.flows)) return { complete: true, results: session.completed }
    return challenge(session, request)
  }

  /** Runs the stage that `auth` names; gives an errcode and text when it cannot be taken or fails. */
  async #take(
    session: UiAuthSession,
    auth: JsonObject,
    request: UiAuthRequest,
  ): Promise<readonly [string, string] | undefined> {
    const type = auth['type']
    // Only a session: the client asks how far it is. A stage already completed is not run again.
    if (type === undefined || (typeof type === 'string' && session.completed.has(type))) return undefined
    const stage = typeof type === 'string' && isNext(type, session, request.flows) ? this.#stages.get(type) : undefined
    if (stage === undefined) return ['M_UNRECOGNIZED', 'This is not the next stage of any flow.']
    try {
      session.completed.set(stage.type, await stage.check(auth, request.userId))
      return undefined
    } catch (error) {
      if (!(error instanceof MatrixError) || error.code === 'M_LIMIT_EXCEEDED') throw error
      return [error.code, error.message]
    }
  }

  /** The session of this id if it belongs to the request; without an id a new one. */
  #find(id: unknown, request: UiAuthRequest): UiAuthSession | undefined {
    if (id === undefined || id === null) return this.#open(request)
    const session = typeof id === 'string' ? this.#sessions.get(id) : undefined
    if (session === undefined || session.until <= this.#clock.monotonic()) return undefined
    return session.operation === request.operation && session.userId === request.userId ? session : undefined
  }

  #open(request: UiAuthRequest): UiAuthSession {
    const now = this.#clock.monotonic()
    for (const old of this.#sessions.values()) {
      if (old.until > now && this.#sessions.size < sessionsMax) break
      this.#sessions.delete(old.id)
    }
    const session: UiAuthSession = {
      id: randomText(sessionIdBytes),
      operation: request.operation,
      userId: request.userId,
      until: now + sessionMsMax,
      completed: new Map(),
      bodyDigest: undefined,
    }
    this.#sessions.set(session.id, session)
    return session
  }
}

function isNext(type: string, session: UiAuthSession, flows: UiAuthRequest['flows']): boolean {
  const done = [...session.completed.keys()]
  return flows.some((flow) => flow[done.length] === type && done.every((stage, at) => flow[at] === stage))
}

function isComplete(session: UiAuthSession, flows: UiAuthRequest['flows']): boolean {
  return flows.some((flow) => flow.every((stage) => session.completed.has(stage)))
}

function challenge(
  session: UiAuthSession,
  request: UiAuthRequest,
  failure?: readonly [code: string, text: string],
): UiAuthOutcome {
  const body = {
    ...(failure === undefined ? {} : { errcode: failure[0], error: failure[1] }),
    completed: [...session.completed.keys()],
    flows: request.flows.map((stages) => ({ stages })),
    params: {},
    session: session.id,
  }
  return { complete: false, body }
}

/** What tells one body from another, `auth` left out; the order of its keys does not matter. */
function digestOf({ auth: _auth, ...rest }: JsonObject): string {
  return tokenHash(canonicalJson(rest, false))
}
