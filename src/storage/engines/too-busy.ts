import { MatrixError } from '#protocol/errors.ts'

/** What a client is told to wait after it was turned away. */
const retryAfterMs = 5_000

/** The answer to whom the database cannot serve in time: come again a little later. */
export function tooBusy(): MatrixError {
  return new MatrixError('M_UNKNOWN', 'The server has too much to do at the moment: try again in a few seconds.', {
    status: 503,
    extra: { retry_after_ms: retryAfterMs },
  })
}
