import type { ServerResponse } from 'node:http'
import type { Asker } from '#observability/asker.ts'
import { MatrixError } from '#protocol/errors.ts'

/** What the log says of a request that nobody waited for any more, as proxies do. */
export const goneStatus = 499

/** Ends what is done for a client that waits no more; no client ever reads it. */
export function clientGone(): MatrixError {
  return new MatrixError('M_UNKNOWN', 'The client has gone.', { status: goneStatus })
}

/** Whether something ended because the client it was done for had gone. */
export function isClientGone(error: unknown): boolean {
  return error instanceof MatrixError && error.status === goneStatus
}

/**
 * The client of a request, for as long as its connection stands. Once a request has begun to write, it is done to its end;
 * but a GET is never kept: what it writes beside its answer is whole in itself.
 */
export class WaitingClient implements Asker {
  readonly #response: ServerResponse
  readonly #mayKeep: boolean
  #kept = false
  #signal: AbortSignal | undefined

  constructor(response: ServerResponse, method: string) {
    this.#response = response
    this.#mayKeep = method !== 'GET'
  }

  /** Whether nobody waits for the answer any more, and nothing of it has been written. */
  get gone(): boolean {
    return this.#response.destroyed && !this.#kept
  }

  /** Whether the request is done in any case. */
  get kept(): boolean {
    return this.#kept
  }

  keep(): void {
    this.#kept = this.#mayKeep
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#newSignal()
    return this.#signal
  }

  #newSignal(): AbortSignal {
    if (this.gone) return AbortSignal.abort(clientGone())
    const controller = new AbortController()
    this.#response.once('close', () => {
      if (!this.#response.writableFinished && !this.#kept) controller.abort(clientGone())
    })
    return controller.signal
  }
}
