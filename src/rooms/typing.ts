import { runInBackground } from '#observability/request-context.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { Stream } from '#streams/stream.ts'

/** How long a user is shown as typing when the client does not say, and the longest it may ask for. */
const typingMsDefault = 30_000
const typingMsMax = 120_000

/**
 * Who is typing where. Kept in memory only: after a restart nobody is typing. Each change is published on the typing
 * stream, so that syncs show it. https://spec.matrix.org/v1.19/client-server-api/#typing-notifications
 */
export class Typing {
  readonly #stream: Stream
  readonly #rooms = new Map<number, Map<UserId, NodeJS.Timeout>>()

  constructor(deps: { readonly streams: { readonly typing: Stream } }) {
    this.#stream = deps.streams.typing
  }

  /**
   * Shows `userId` as typing for `timeoutMs` (half a minute if undefined, two minutes at most), unless it is called
   * again before. The caller has checked that they are joined.
   */
  async start(userId: UserId, roomNid: number, timeoutMs?: number): Promise<void> {
    let users = this.#rooms.get(roomNid)
    if (users === undefined) {
      users = new Map()
      this.#rooms.set(roomNid, users)
    }
    const before = users.get(userId)
    clearTimeout(before)
    const ms = Math.min(Math.max(timeoutMs ?? typingMsDefault, 1), typingMsMax)
    const end = (): Promise<void> => this.stop(userId, roomNid)
    const timer = setTimeout(() => {
      // A position is only lost when the database is: then the next change tells this one too.
      runInBackground('end_typing', end).catch(() => undefined)
    }, ms)
    timer.unref()
    users.set(userId, timer)
    if (before === undefined) await this.#publish(roomNid)
  }

  /** Shows `userId` as typing no longer. */
  async stop(userId: UserId, roomNid: number): Promise<void> {
    const users = this.#rooms.get(roomNid)
    const timer = users?.get(userId)
    if (users === undefined || timer === undefined) return
    clearTimeout(timer)
    users.delete(userId)
    if (users.size === 0) this.#rooms.delete(roomNid)
    await this.#publish(roomNid)
  }

  /** Who is typing in a room now, first come first. */
  inRoom(roomNid: number): readonly UserId[] {
    return [...(this.#rooms.get(roomNid)?.keys() ?? [])]
  }

  /** Ends every timer. */
  close(): void {
    for (const users of this.#rooms.values()) for (const timer of users.values()) clearTimeout(timer)
    this.#rooms.clear()
  }

  async #publish(roomNid: number): Promise<void> {
    this.#stream.publish(await this.#stream.reserve(1), { rooms: [roomNid] })
  }
}
