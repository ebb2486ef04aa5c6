import type { Clock } from '#base/clock.ts'
import type { Random } from '#base/random.ts'
import type { Logger } from '#observability/logger.ts'
import { runInBackground } from '#observability/request-context.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseUserId, type EventId, type RoomId, type UserId } from '#protocol/identifiers.ts'
import { aliasesOfRoom } from '#storage/room-aliases.ts'
import { localUsersOf } from '#storage/memberships.ts'
import { depthAtTime, depthOfEvent } from '#storage/purge-depth.ts'
import type { Database } from '#storage/transaction.ts'
import type { Requester } from '#users/requester.ts'
import type { KnownRooms, Room } from './known-rooms.ts'
import type { Membership } from './membership.ts'
import type { Memberships } from './memberships.ts'
import { PurgeStopped, type Purge } from './purge.ts'

/** Jobs whose outcome is remembered; the oldest are forgotten first. */
const jobsMax = 1_000
const idBytes = 12

/** A purge that an administrator has asked for. */
export interface PurgeJob {
  readonly id: string
  readonly roomId: RoomId
  readonly kind: 'history' | 'room'
  /** `emptying`: our users are taken out of the room. */
  readonly status: 'emptying' | 'purging' | 'complete' | 'failed'
  /** What went wrong, in words for the administrator. */
  readonly error: string | undefined
  readonly removed: readonly UserId[]
  readonly notRemoved: readonly UserId[]
  readonly aliases: readonly string[]
}

/** How a room is to be deleted. */
export interface RoomDeletion {
  /** Why, as those who are in the room are told. */
  readonly reason: string | undefined
  /** False only empties the room. */
  readonly purge: boolean
  /** Purge also when somebody could not be taken out. */
  readonly force: boolean
}

interface Deps {
  readonly database: Database
  readonly knownRooms: KnownRooms
  readonly membership: Membership
  readonly memberships: Memberships
  readonly purge: Purge
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/**
 * Purges by an administrator's word. A purge itself is noted in the database and goes on after a restart; what is known
 * of the jobs is of this process alone.
 */
export class PurgeJobs {
  readonly #deps: Deps
  readonly #jobs = new Map<string, PurgeJob>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Begins to delete the history of a room before an event or before a time, which stay themselves; gives the job's id
   * once a restart cannot lose it any more.
   * @throws MatrixError M_NOT_FOUND when there is no such room, or nothing in it there.
   */
  async purgeHistory(roomId: RoomId, before: { eventId: EventId } | { ts: number }): Promise<string> {
    const room = await this.#require(roomId)
    const depth = await this.#deps.database.runInteraction(
      'purge_depth',
      (txn) =>
        'ts' in before ? depthAtTime(txn, room.roomNid, before.ts) : depthOfEvent(txn, room.roomNid, before.eventId),
      { readOnly: true },
    )
    if (depth === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such event in this room.')
    const job = this.#begin(room, 'history', 'purging')
    await this.#noted(job, (onBegun) => this.#deps.purge.history(room, depth, onBegun))
    return job
  }

  /**
   * Begins to delete a room: takes our users out of it, then deletes everything. Gives the job's id.
   * @throws MatrixError M_NOT_FOUND when there is no such room.
   */
  async deleteRoom(roomId: RoomId, deletion: RoomDeletion): Promise<string> {
    const room = await this.#require(roomId)
    const job = this.#begin(room, 'room', 'emptying')
    void this.#run(job, () => this.#deleteRoom(job, room, deletion))
    return job
  }

  /** As `deleteRoom`, and waits for its end. */
  async deleteRoomNow(roomId: RoomId, deletion: RoomDeletion): Promise<PurgeJob | undefined> {
    const room = await this.#require(roomId)
    const job = this.#begin(room, 'room', 'emptying')
    await this.#run(job, () => this.#deleteRoom(job, room, deletion))
    return this.#jobs.get(job)
  }

  /** What is known of a job; undefined when nothing is. */
  job(id: string): PurgeJob | undefined {
    return this.#jobs.get(id)
  }

  /** The deletions of a room, newest last. */
  deletionsOf(roomId: RoomId): PurgeJob[] {
    return [...this.#jobs.values()].filter((job) => job.roomId === roomId && job.kind === 'room')
  }

  async #require(roomId: RoomId): Promise<Room> {
    const room = await this.#deps.knownRooms.byId(roomId)
    if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such room here.')
    return room
  }

  #begin({ roomId }: Room, kind: PurgeJob['kind'], status: PurgeJob['status']): string {
    const id = Buffer.from(this.#deps.random.bytes(idBytes)).toString('base64url')
    this.#jobs.set(id, { id, roomId, kind, status, error: undefined, removed: [], notRemoved: [], aliases: [] })
    for (const oldest of this.#jobs.keys()) {
      if (this.#jobs.size <= jobsMax) break
      this.#jobs.delete(oldest)
    }
    return id
  }

  #set(id: string, change: Partial<PurgeJob>): void {
    const job = this.#jobs.get(id)
    if (job !== undefined) this.#jobs.set(id, { ...job, ...change })
  }

  /** Resolves once `work` has called what it is given, or has failed, which is told to the job. */
  #noted(id: string, work: (onBegun: () => void) => Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      void this.#run(id, () => work(resolve)).then(resolve)
    })
  }

  /** Does a job's work and keeps how it ended; never rejects. */
  async #run(id: string, work: () => Promise<void>): Promise<void> {
    try {
      await runInBackground('purge', work)
      this.#set(id, { status: 'complete' })
    } catch (error) {
      if (error instanceof PurgeStopped) return
      this.#deps.logger.error('A purge failed', { purge: id, error })
      const words = error instanceof MatrixError ? error.message : 'Something went wrong on the server: see its log.'
      this.#set(id, { status: 'failed', error: words })
    }
  }

  async #deleteRoom(id: string, room: Room, { reason, purge, force }: RoomDeletion): Promise<void> {
    const { database, membership, memberships } = this.#deps
    const { users, aliases } = await database.runInteraction(
      'users_of_room',
      async (txn) => ({
        users: (await localUsersOf(txn, room.roomNid)).map((row) => ({ ...row, userId: parseUserId(row.userId) })),
        aliases: await aliasesOfRoom(txn, room.roomNid),
      }),
      { readOnly: true },
    )
    this.#set(id, { aliases: aliases.map((row) => row.alias) })
    const removed: UserId[] = []
    const notRemoved: UserId[] = []
    for (const { userId, membership: now } of users) {
      if (now === 'leave' || now === 'ban') continue
      try {
        await membership.leave({ requester: inName(userId), room, reason })
        removed.push(userId)
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error
        notRemoved.push(userId)
      }
      this.#set(id, { removed: [...removed], notRemoved: [...notRemoved] })
    }
    if (!purge) return
    if (notRemoved.length > 0 && !force)
      throw new MatrixError('M_UNKNOWN', `${notRemoved.join(', ')} could not be taken out of the room.`)
    this.#set(id, { status: 'purging' })
    await this.#deps.purge.room(room)
    for (const { userId } of users) {
      const row = await memberships.in(userId, room.roomNid)
      // What memory still knows of it is on nobody's list any more.
      if (row !== undefined) memberships.apply([{ userId, row: { ...row, membership: 'leave', forgotten: 1 } }])
    }
  }
}

function inName(userId: UserId): Requester {
  return { userId, deviceId: '', isAdmin: false, isGuest: false }
}
