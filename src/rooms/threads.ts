import { MatrixError } from '#protocol/errors.ts'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import { eventsByIds, type EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import { threadRoots } from '#storage/threads.ts'
import type { Database } from '#storage/transaction.ts'
import type { IgnoredSenders } from './ignored-senders.ts'
import type { RoomAccess } from './room-access.ts'
import type { Visibility } from './visibility.ts'

/** Threads in one page at most. */
const threadsMax = 200

const tokenForm = /^p(\d{1,15})$/

/** The threads of rooms. https://spec.matrix.org/v1.19/client-server-api/#threading */
export class Threads {
  readonly #database: Database
  readonly #interned: Interned
  readonly #ignoredSenders: IgnoredSenders
  readonly #roomAccess: RoomAccess
  readonly #visibility: Visibility

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly ignoredSenders: IgnoredSenders
    readonly roomAccess: RoomAccess
    readonly visibility: Visibility
  }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#ignoredSenders = deps.ignoredSenders
    this.#roomAccess = deps.roomAccess
    this.#visibility = deps.visibility
  }

  /**
   * A page of the roots of a room's threads, the one with the newest event first. `participated`: only threads that the
   * user began or wrote in. Throws M_FORBIDDEN when they may not look into the room, M_INVALID_PARAM for a token that is
   * none of ours. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads
   */
  async page(
    userId: UserId,
    roomId: RoomId,
    request: { readonly participated: boolean; readonly limit: number; readonly from?: string | undefined },
  ): Promise<{ readonly rows: readonly EventRow[]; readonly nextBatch: string | undefined }> {
    const access = await this.#roomAccess.read(userId, roomId)
    const { roomNid } = access.room
    const limit = Math.min(Math.max(request.limit, 1), threadsMax)
    const before = request.from === undefined ? (access.arrivedBy ?? Number.MAX_SAFE_INTEGER) : parse(request.from)
    const participantNid = request.participated ? await this.#interned.userNid(userId) : null
    const { roots, events } = await this.#database.runInteraction(
      'thread_roots',
      async (txn) => {
        const roots = await threadRoots(txn, { roomNid, before, participantNid, limit: limit + 1 })
        const ids = roots.slice(0, limit).map((root) => root.rootId)
        return { roots, events: await eventsByIds(txn, roomNid, ids) }
      },
      { readOnly: true },
    )
    const within = roots.slice(0, limit)
    const byId = new Map(events.map((event) => [event.eventId, event]))
    const rows = within.flatMap((root) => byId.get(root.rootId) ?? [])
    const wanted = await this.#ignoredSenders.without(userId, rows)
    const oldest = roots.length > limit ? within.at(-1) : undefined
    return {
      rows: await this.#visibility.filter(userId, access.room, wanted),
      nextBatch: oldest === undefined ? undefined : `p${oldest.newest}`,
    }
  }
}

function parse(token: string): number {
  const position = tokenForm.exec(token)?.[1]
  if (position === undefined)
    throw new MatrixError('M_INVALID_PARAM', 'The token is not one of this server: read again without it.')
  return Number(position)
}
