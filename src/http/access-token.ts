import type { IncomingMessage } from 'node:http'
import type { RawQuery } from './validation.ts'

const scheme = 'bearer '

/**
 * The access token of a request: from the `Authorization: Bearer …` header or, for older clients, from the
 * `access_token` parameter of the query. Undefined when there is none.
 * https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens
 */
export function accessTokenOf(request: IncomingMessage, query: RawQuery): string | undefined {
  const { authorization } = request.headers
  if (authorization !== undefined) {
    if (authorization.slice(0, scheme.length).toLowerCase() !== scheme) return undefined
    return authorization.slice(scheme.length).trim()
  }
  const token = query['access_token']
  return typeof token === 'string' && token !== '' ? token : undefined
}
