import { rest } from '#observability/cpu-shares.ts'
import { currentRequest } from '#observability/request-context.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { Changed } from './stream.ts'

/** Open waits of one user; one more ends the oldest as if its time were up. */
const waitsOfUserMax = 200
/** How many users without an open wait keep their rooms here, so that their next poll finds them in place. */
const idleUsersMax = 2_000

interface Wait {
  readonly until: () => boolean
  readonly end: (reached: boolean) => void
}

export interface WaitOptions {
  readonly timeoutMs: number
  /** Ends the wait at once when aborted. */
  readonly signal: AbortSignal
}

/**
 * Wakes exactly the long polls that a change concerns: it knows which users are waiting and in which rooms they are.
 * It says that something changed, never what; who wakes reads on from their own position, so nothing is missed or
 * doubled.
 */
export class Notifier {
  readonly #waits = new Map<UserId, Set<Wait>>()
  readonly #roomsOfUser = new Map<UserId, Set<number>>()
  readonly #usersOfRoom = new Map<number, Set<UserId>>()
  /** Users whose rooms are known and who have no open wait; longest idle first. */
  readonly #idle = new Set<UserId>()
  #wakeUps = 0

  /** Says which rooms `userId` is to be woken for. Called at the start of each poll; linear in the number of rooms. */
  userRooms(userId: UserId, roomNids: Iterable<number>): void {
    const before = this.#roomsOfUser.get(userId)
    const now = new Set(roomNids)
    if (before === undefined) this.#beIdle(userId)
    this.#roomsOfUser.set(userId, now)
    for (const roomNid of before ?? []) if (!now.has(roomNid)) this.#removeFromRoom(userId, roomNid)
    for (const roomNid of now) if (before?.has(roomNid) !== true) this.#addToRoom(userId, roomNid)
  }

  /** Says that `userId` has come into a room, so that an open poll wakes for it. */
  joined(userId: UserId, roomNid: number): void {
    const rooms = this.#roomsOfUser.get(userId)
    if (rooms === undefined) return
    rooms.add(roomNid)
    this.#addToRoom(userId, roomNid)
  }

  /** Says that `userId` is no longer in a room. */
  left(userId: UserId, roomNid: number): void {
    if (this.#roomsOfUser.get(userId)?.delete(roomNid) === true) this.#removeFromRoom(userId, roomNid)
  }

  /**
   * Waits until `until()` is true: asked now, and each time something that concerns `userId` is published. Gives true
   * then, and false when the time is up or the signal aborted.
   */
  wait(userId: UserId, until: () => boolean, options: WaitOptions): Promise<boolean> {
    if (until()) return Promise.resolve(true)
    if (options.signal.aborted || options.timeoutMs <= 0) return Promise.resolve(false)
    return rest(currentRequest(), () => this.#wait(userId, until, options))
  }

  #wait(userId: UserId, until: () => boolean, options: WaitOptions): Promise<boolean> {
    return new Promise((resolve) => {
      const wait: Wait = {
        until,
        end: (reached) => {
          clearTimeout(timer)
          options.signal.removeEventListener('abort', abort)
          this.#remove(userId, wait)
          resolve(reached)
        },
      }
      const abort = (): void => wait.end(false)
      const timer = setTimeout(abort, options.timeoutMs)
      options.signal.addEventListener('abort', abort)
      this.#add(userId, wait)
    })
  }

  /** Wakes who is named and who waits in a room that is named. */
  wake(changed: Changed): void {
    const users = new Set(changed.users)
    for (const roomNid of changed.rooms ?? []) {
      for (const userId of this.#usersOfRoom.get(roomNid) ?? []) users.add(userId)
    }
    for (const userId of users) {
      for (const wait of this.#waits.get(userId) ?? [])
        if (wait.until()) {
          this.#wakeUps += 1
          wait.end(true)
        }
    }
  }

  /** How many waits have ended because something happened. */
  get wakeUps(): number {
    return this.#wakeUps
  }

  /** How many waits are open, for metrics. */
  get openWaits(): number {
    let count = 0
    for (const waits of this.#waits.values()) count += waits.size
    return count
  }

  #add(userId: UserId, wait: Wait): void {
    let waits = this.#waits.get(userId)
    if (waits === undefined) {
      waits = new Set()
      this.#waits.set(userId, waits)
    }
    waits.add(wait)
    this.#idle.delete(userId)
    if (waits.size > waitsOfUserMax) {
      const [oldest] = waits
      oldest?.end(false)
    }
  }

  #remove(userId: UserId, wait: Wait): void {
    const waits = this.#waits.get(userId)
    if (waits === undefined) return
    waits.delete(wait)
    if (waits.size > 0) return
    this.#waits.delete(userId)
    if (this.#roomsOfUser.has(userId)) this.#beIdle(userId)
  }

  #beIdle(userId: UserId): void {
    if (this.#waits.has(userId)) return
    this.#idle.add(userId)
    if (this.#idle.size <= idleUsersMax) return
    for (const longest of this.#idle) {
      this.#idle.delete(longest)
      for (const roomNid of this.#roomsOfUser.get(longest) ?? []) this.#removeFromRoom(longest, roomNid)
      this.#roomsOfUser.delete(longest)
      break
    }
  }

  #addToRoom(userId: UserId, roomNid: number): void {
    const users = this.#usersOfRoom.get(roomNid)
    if (users === undefined) this.#usersOfRoom.set(roomNid, new Set([userId]))
    else users.add(userId)
  }

  #removeFromRoom(userId: UserId, roomNid: number): void {
    const users = this.#usersOfRoom.get(roomNid)
    if (users === undefined) return
    users.delete(userId)
    if (users.size === 0) this.#usersOfRoom.delete(roomNid)
  }
}
