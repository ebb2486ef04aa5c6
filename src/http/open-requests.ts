import type { ServerResponse } from 'node:http'
import { clientGone } from './client-gone.ts'

/** The requests being answered, and the means to end their waits. */
export class OpenRequests {
  readonly #controllers = new Set<AbortController>()
  #stopping = false
  #count = 0

  /** True once no further request is wanted. */
  get stopping(): boolean {
    return this.#stopping
  }

  /** How many requests are being answered. */
  get count(): number {
    return this.#count
  }

  /** To be called when a request has arrived. */
  opened(): void {
    this.#count += 1
  }

  /** To be called when its answer has been written, or there is nobody to write it to. */
  closed(): void {
    this.#count -= 1
  }

  /** A signal that is aborted when the client of `response` goes away, or the server stops. */
  signalFor(response: ServerResponse): AbortSignal {
    const controller = new AbortController()
    if (this.#stopping || response.destroyed) {
      controller.abort(clientGone())
      return controller.signal
    }
    this.#controllers.add(controller)
    response.once('close', () => {
      this.#controllers.delete(controller)
      if (!response.writableFinished) controller.abort(clientGone())
    })
    return controller.signal
  }

  /** Ends the waits of all requests, those to come included. */
  stop(): void {
    this.#stopping = true
    for (const controller of this.#controllers) controller.abort()
    this.#controllers.clear()
  }
}
