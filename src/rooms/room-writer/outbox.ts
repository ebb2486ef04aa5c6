import { forEverybody } from '#observability/asker.ts'
import type { EventRow } from '#storage/events.ts'
import type { BuiltEvent, PersistEvent } from '../persist-event.ts'
import type { Extremity, LiveRoom } from './live-room.ts'

/** Events that become durable in one transaction, at most. */
const batchEventsMax = 100

interface Waiting {
  readonly built: BuiltEvent
  /** What it follows. */
  readonly before: readonly Extremity[]
  readonly resolve: (row: EventRow) => void
  readonly reject: (error: unknown) => void
}

/**
 * What has been built for one room and is not durable yet. One batch at a time is with the database; what is built
 * meanwhile makes up the next one, so a busy room needs few commits and an idle one does not wait.
 */
export class Outbox {
  readonly #live: LiveRoom
  readonly #persistEvent: PersistEvent
  readonly #onFailure: () => void
  #waiting: Waiting[] = []
  #draining = false
  #drained: (() => void)[] = []

  /** `onFailure` is called once, when the room's memory can no longer come true. */
  constructor(live: LiveRoom, persistEvent: PersistEvent, onFailure: () => void) {
    this.#live = live
    this.#persistEvent = persistEvent
    this.#onFailure = onFailure
  }

  /** True when everything built is durable. */
  get idle(): boolean {
    return !this.#draining
  }

  /** Waits until everything built is durable, or has failed. */
  async drained(): Promise<void> {
    if (this.#draining) await new Promise<void>((resolve) => this.#drained.push(resolve))
  }

  /** Takes an event just built on `before`; gives its row when it is durable, or rejects when it never will be. */
  put(built: BuiltEvent, before: readonly Extremity[]): Promise<EventRow> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ built, before, resolve, reject })
      if (!this.#draining) void forEverybody(() => this.#drain())
    })
  }

  async #drain(): Promise<void> {
    this.#draining = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchEventsMax)
      try {
        const rows = await this.#persistEvent.persist({
          room: this.#live.room,
          built: batch.map((waiting) => waiting.built),
          extremities: {
            remove: batch[0]?.before.map((extremity) => extremity.eventNid) ?? [],
            add: batch.slice(-1).map((waiting) => waiting.built.row.eventNid),
          },
          alsoWrite: undefined,
        })
        for (const [index, waiting] of batch.entries()) waiting.resolve(rows[index] as EventRow)
      } catch (error) {
        this.#fail([...batch, ...this.#waiting], error)
        return
      }
    }
    this.#draining = false
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  /** Everything that waits was built on what has just failed. */
  #fail(waiting: readonly Waiting[], error: unknown): void {
    this.#live.failed = true
    this.#waiting = []
    this.#onFailure()
    for (const resolve of this.#drained.splice(0)) resolve()
    for (const each of waiting) each.reject(error)
  }
}
