import type { Static, TObject, TSchema } from 'typebox'

/** What a handler is given, its parts checked against the route's schemas. */
export interface Call<Requester, Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  /** Who asks: always there when `auth` is 'user' or 'admin', undefined when 'none', either when 'optional'. */
  readonly requester: Requester
  /** The client's address, behind the proxies that the configuration trusts. */
  readonly ip: string
  readonly userAgent: string
  /** Aborted when the client goes away or the server stops: end waits, not writes. */
  readonly signal: AbortSignal
  /** A header of the request, by its name in lower case; undefined when it is missing. */
  header(name: string): string | undefined
}

/** An answer with a status, headers or a body that is not plain JSON. Most handlers just return an object. */
export class Answer {
  readonly status: number
  /** Objects are made JSON; a string is sent as it is. */
  readonly body: object | string
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, body: object | string, headers: Readonly<Record<string, string>> = {}) {
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/** JSON that is text already (spliced from stored events): sent as it is, with status 200. */
export class JsonText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type AuthKind = 'none' | 'optional' | 'user' | 'admin'
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** Names of the rate limits in the configuration. */
export type LimitName = 'login' | 'registration' | 'message' | 'join' | 'invite' | 'room_creation' | 'keys' | 'default'

/**
 * One endpoint. `path` is the specification's (`/_matrix/client/v3/rooms/{roomId}/leave`). Where the same endpoint
 * also answers under older or unstable names, they stand in `aliases`.
 */
export interface Route<Requester = unknown> {
  readonly method: Method
  readonly path: string
  readonly aliases?: readonly string[]
  readonly auth: AuthKind
  readonly limit?: LimitName
  /** Largest body in bytes, when it differs from the server's own limit. */
  readonly bodyBytesMax?: number
  /** How a body is written: JSON unless it says `form`, for the forms of our own pages. */
  readonly bodyFormat?: 'json' | 'form'
  /** For pages: how people are told of an error, in place of the JSON that clients want. */
  readonly errorPage?: (status: number, text: string) => Answer
  readonly params?: TObject
  readonly query?: TObject
  readonly body?: TSchema
  readonly handler: (call: Call<Requester, never, never, never>) => Promise<object | Answer | JsonText>
}

type Checked<Schema, Otherwise> = Schema extends TSchema ? Static<Schema> : Otherwise

/** The declaration of an endpoint, with what its handler reads checked against what its schemas promise. */
interface Declaration<
  Requester,
  Auth extends AuthKind,
  Params extends TObject | undefined,
  Query extends TObject | undefined,
  Body extends TSchema | undefined,
> extends Omit<Route, 'auth' | 'params' | 'query' | 'body' | 'handler'> {
  readonly auth: Auth
  readonly params?: Params
  readonly query?: Query
  readonly body?: Body
  readonly handler: (
    call: Call<
      Auth extends 'user' | 'admin' ? Requester : Auth extends 'optional' ? Requester | undefined : undefined,
      Checked<Params, Record<string, string>>,
      Checked<Query, Record<string, string>>,
      Checked<Body, undefined>
    >,
  ) => Promise<object | Answer | JsonText>
}

/**
 * Gives the function that declares endpoints for one type of requester. Without a body schema a handler is given
 * `undefined`; without a params or query schema, records of strings.
 */
export function routeFor<Requester>(): <
  const Auth extends AuthKind,
  Params extends TObject | undefined = undefined,
  Query extends TObject | undefined = undefined,
  Body extends TSchema | undefined = undefined,
>(
  declaration: Declaration<Requester, Auth, Params, Query, Body>,
) => Route<Requester> {
  return (declaration) => declaration as unknown as Route<Requester>
}
