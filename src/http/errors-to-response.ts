import type { Logger } from '#observability/logger.ts'
import { MatrixError } from '#protocol/errors.ts'
import { Answer, type Route } from './route.ts'

/** Said for faults of our own, whose text stays in the log. */
const unknownErrorText = 'Something went wrong on the server. Try again; if it stays so, tell its administrator.'

/**
 * Turns whatever was thrown into an answer. A MatrixError is said as it is; Fastify's own refusals become the Matrix
 * error they amount to; anything else is a fault of ours: logged in full, answered with `M_UNKNOWN` and nothing more.
 * https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
 */
export function errorToAnswer(thrown: unknown, logger: Logger, page?: Route['errorPage']): Answer {
  const error = thrown instanceof MatrixError ? thrown : fromFramework(thrown)
  if (error !== undefined) return page?.(error.status, error.message) ?? matrixAnswer(error)
  logger.error('A request failed by a fault of ours', { error: thrown })
  return page?.(500, unknownErrorText) ?? matrixAnswer(new MatrixError('M_UNKNOWN', unknownErrorText))
}

function matrixAnswer(error: MatrixError): Answer {
  const headers: Record<string, string> = {}
  const { retry_after_ms: retryAfterMs } = error.extra
  if (typeof retryAfterMs === 'number') headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000))
  return new Answer(error.status, { ...error.extra, errcode: error.code, error: error.message }, headers)
}

/** What Fastify refuses before we see the request. https://fastify.dev/docs/latest/Reference/Errors/ */
function fromFramework(thrown: unknown): MatrixError | undefined {
  switch ((thrown as { code?: unknown } | null)?.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new MatrixError('M_TOO_LARGE', 'The body is too large.')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new MatrixError('M_NOT_JSON', 'The body is not as long as its Content-Length says.')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new MatrixError('M_NOT_JSON', 'The Content-Type is not one. Use application/json.')
    case 'FST_ERR_BAD_URL':
      return new MatrixError('M_INVALID_PARAM', 'The address is not properly percent-encoded.')
    default:
      return undefined
  }
}
