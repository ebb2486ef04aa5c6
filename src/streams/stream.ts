import { systemClock } from '#base/clock.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { ChangeCache } from './change-cache.ts'

/** Hands out numbers that are never handed out again, not even after a restart: `storage/id-blocks.ts`. */
export interface NumberSource {
  /** The first of `count` consecutive numbers, each ≥ 1. */
  reserve(name: string, count: number): Promise<number>
}

/** Positions taken by one writer, `first` to `last` inclusive, that nobody is told of before they are published. */
export interface Reservation {
  readonly first: number
  readonly last: number
}

/** Whom a publication concerns: everyone in these rooms, and these users. */
export interface Changed {
  readonly rooms?: Iterable<number>
  readonly users?: Iterable<UserId>
  /** Those of the rooms whose state changed; all of them when it is not said. */
  readonly states?: Iterable<number>
}

interface Pending extends Reservation {
  readonly takenAt: number
  done: boolean
  changed: Changed | undefined
}

/**
 * An append-only numbered log of one kind of change. A writer reserves positions, writes its rows with them, commits,
 * and publishes; the position that readers see is the largest one below which nothing is still under way, so a reader
 * who has read up to it never misses a row that commits later under a smaller number.
 *
 *     reserve → write → commit → publish ─┐   (or abandon, when the write failed)
 *     reserve → write → commit → publish ─┴→ position, then wake-ups
 */
export class Stream {
  readonly name: string
  readonly #numbers: NumberSource
  readonly #wake: (changed: Changed) => void
  /** Not yet passed, in the order of their numbers. */
  readonly #pending = new Map<number, Pending>()
  readonly #rooms: ChangeCache<number>
  readonly #users: ChangeCache<UserId>
  readonly #states: ChangeCache<number>
  #position: number
  /** Positions taken that readers are not told of yet. */
  #unpublished = 0
  #reserving: Promise<unknown> = Promise.resolve()

  private constructor(name: string, start: number, numbers: NumberSource, wake: (changed: Changed) => void) {
    this.name = name
    this.#position = start
    this.#numbers = numbers
    this.#wake = wake
    this.#rooms = new ChangeCache(start)
    this.#users = new ChangeCache(start)
    this.#states = new ChangeCache(start)
  }

  /**
   * Opens the stream called `name` at a position above every number ever handed out for it, so that it never goes
   * backwards over a restart. `wake` is told of each publication once the position has passed it.
   */
  static async open(name: string, numbers: NumberSource, wake: (changed: Changed) => void): Promise<Stream> {
    const start = await numbers.reserve(sequenceName(name), 1)
    return new Stream(name, start, numbers, wake)
  }

  /** Everything up to and including this is published or abandoned. Never goes back. */
  get position(): number {
    return this.#position
  }

  /** How many positions are taken that readers are not told of yet, and for how long the oldest of them is. */
  get lag(): { readonly positions: number; readonly oldestMs: number } {
    const [oldest] = this.#pending.values()
    return {
      positions: this.#unpublished,
      oldestMs: oldest === undefined ? 0 : systemClock.monotonic() - oldest.takenAt,
    }
  }

  /** Takes `count` consecutive positions. Each reservation must be published or abandoned, or the stream stands still. */
  reserve(count: number): Promise<Reservation> {
    // One at a time: a later number must never be known here before an earlier one.
    const reservation = this.#reserving.then(async (): Promise<Reservation> => {
      const first = await this.#numbers.reserve(sequenceName(this.name), count)
      const last = first + count - 1
      const pending: Pending = { first, last, takenAt: systemClock.monotonic(), done: false, changed: undefined }
      this.#unpublished += count
      this.#pending.set(first, pending)
      return pending
    })
    this.#reserving = reservation.catch(() => undefined)
    return reservation
  }

  /** Says that what was written under `reservation` is durable, and whom it concerns. Once per reservation. */
  publish(reservation: Reservation, changed: Changed): void {
    // Copies: an iterable can perhaps be read only once.
    const rooms = [...(changed.rooms ?? [])]
    const users = [...(changed.users ?? [])]
    for (const roomNid of rooms) this.#rooms.record(roomNid, reservation.last)
    for (const userId of users) this.#users.record(userId, reservation.last)
    for (const roomNid of changed.states ?? rooms) this.#states.record(roomNid, reservation.last)
    this.#complete(reservation, { rooms, users })
  }

  /** Gives back a reservation under which nothing was written. */
  abandon(reservation: Reservation): void {
    this.#complete(reservation, undefined)
  }

  /**
   * Reserves a position, runs `fn` with it in one interaction called `name`, and publishes what `changed` makes of its
   * result; when the interaction fails, nothing is published.
   */
  async append<T>(
    database: Database,
    name: string,
    fn: (txn: Transaction, position: number) => Promise<T>,
    changed: (result: T) => Changed,
  ): Promise<T> {
    const reservation = await this.reserve(1)
    let concerns: Changed | undefined
    try {
      const result = await database.runInteraction(name, (txn) => fn(txn, reservation.first))
      concerns = changed(result)
      return result
    } finally {
      if (concerns === undefined) this.abandon(reservation)
      else this.publish(reservation, concerns)
    }
  }

  /** False when nothing was published for the room after `position`; true when something was, or may have been. */
  roomChangedSince(roomNid: number, position: number): boolean {
    return this.#rooms.changedSince(roomNid, position)
  }

  /** False when nothing was published naming the user after `position`; true when something was, or may have been. */
  userChangedSince(userId: UserId, position: number): boolean {
    return this.#users.changedSince(userId, position)
  }

  /** False when the room's state surely did not change after `position`; true when it did, or may have. */
  stateChangedSince(roomNid: number, position: number): boolean {
    return this.#states.changedSince(roomNid, position)
  }

  #complete(reservation: Reservation, changed: Changed | undefined): void {
    const own = this.#pending.get(reservation.first)
    if (own === undefined || own.done)
      throw new Error(`stream ${this.name}: reservation ${reservation.first} completed twice`)
    own.done = true
    own.changed = changed
    const passed: Changed[] = []
    for (const pending of this.#pending.values()) {
      if (!pending.done) break
      this.#pending.delete(pending.first)
      this.#position = pending.last
      this.#unpublished -= pending.last - pending.first + 1
      if (pending.changed !== undefined) passed.push(pending.changed)
    }
    for (const each of passed) this.#wake(each)
  }
}

function sequenceName(stream: string): string {
  return `stream_${stream}`
}
