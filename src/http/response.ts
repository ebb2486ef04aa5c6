import type { ServerResponse } from 'node:http'
import { Answer, JsonText } from './route.ts'

/**
 * Sent with every answer of an API, so that clients in a browser may call it from any page.
 * https://spec.matrix.org/v1.19/client-server-api/#web-browser-clients
 */
export const corsHeaders = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers': 'X-Requested-With, Content-Type, Authorization',
  'access-control-expose-headers': 'Retry-After, X-Request-Id',
} as const

/** How long a browser may remember the answer to its question whether it may call us. */
const preflightSecondsMax = '86400'

/** True for addresses of the APIs, which pages of other origins may call; the pages we serve to people are not. */
export function isApiPath(url: string): boolean {
  return url.startsWith('/_') || url.startsWith('/.well-known/')
}

/**
 * Writes what a handler gave. JSON goes out with `Content-Type: application/json` exactly, in one write. Does nothing
 * when the client is gone. `lastOne` tells the client that this connection closes. Gives the size of the body.
 */
export function writeAnswer(
  response: ServerResponse,
  answer: object,
  options: { readonly cors: boolean; readonly lastOne: boolean; readonly requestId?: string },
): number {
  if (response.destroyed || response.headersSent) return 0
  let status = 200
  let body: string
  const headers: Record<string, string | number> = options.cors
    ? { 'content-type': 'application/json', ...corsHeaders }
    : { 'content-type': 'application/json' }
  if (answer instanceof JsonText) {
    body = answer.text
  } else if (answer instanceof Answer) {
    status = answer.status
    body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
    Object.assign(headers, answer.headers)
  } else {
    body = JSON.stringify(answer)
  }
  const bytes = Buffer.byteLength(body)
  headers['content-length'] = bytes
  if (options.requestId !== undefined) headers['x-request-id'] = options.requestId
  if (options.lastOne) headers['connection'] = 'close'
  response.writeHead(status, headers)
  response.end(body)
  return bytes
}

/** Answers a browser's question whether it may call, without asking any endpoint. */
export function writePreflight(response: ServerResponse): void {
  response.writeHead(204, { ...corsHeaders, 'access-control-max-age': preflightSecondsMax })
  response.end()
}
