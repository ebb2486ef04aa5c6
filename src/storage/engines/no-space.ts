import type { Clock } from '#base/clock.ts'
import type { Logger } from '#observability/logger.ts'
import { MatrixError } from '#protocol/errors.ts'

import { DatabaseError } from '../database-error.ts'

/** The log is told at most so often: while a disk is full, every request that writes fails. */
const tellEveryMs = 60_000
/** https://www.rfc-editor.org/rfc/rfc4918#section-11.5 */
const insufficientStorage = 507

/** What those are told whose work found no space on the disk of the database, and when the operator is. */
export class NoSpace {
  readonly #clock: Clock
  readonly #logger: Logger
  #toldAt = -tellEveryMs

  constructor(deps: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = deps.clock
    this.#logger = deps.logger
  }

  /** The error for whoever asked for an interaction that failed with `error`: that one, unless there was no space. */
  refusal(error: unknown): unknown {
    if (!(error instanceof DatabaseError) || error.kind !== 'full') return error
    const now = this.#clock.monotonic()
    if (now - this.#toldAt >= tellEveryMs) {
      this.#toldAt = now
      this.#logger.error(
        'The disk of the database is full, and nothing can be written. Make room: nothing has to be started again',
        { error },
      )
    }
    return new MatrixError('M_UNKNOWN', 'The server has no space left, so this was not done. Try again later.', {
      status: insufficientStorage,
    })
  }
}
