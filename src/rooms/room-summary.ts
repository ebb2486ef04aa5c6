import type { UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import { jsonMember } from '#protocol/json-members.ts'
import type { EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import { heroes, memberCounts, type Hero } from '#storage/room-members.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { Room } from './known-rooms.ts'
import type { RoomState } from './room-state.ts'

/** How many people a room without a name is called after. */
const heroesMax = 5

/** What a client needs to name and size a room without its members. */
export interface MembersSummary {
  readonly joined: number
  readonly invited: number
  /** People after whom to call the room, the reader left out; with the member events that speak of them. */
  readonly heroes: readonly { readonly userId: string; readonly eventNid: number }[]
}

/** What a room shows of itself to those who may join it. */
export interface PublicSummary {
  readonly name: string | undefined
  readonly topic: string | undefined
  readonly avatarUrl: string | undefined
  readonly canonicalAlias: string | undefined
  readonly joinRule: string
  readonly allowedRoomIds: readonly string[]
  readonly worldReadable: boolean
  readonly guestCanJoin: boolean
  readonly roomType: string | undefined
  readonly encryption: string | undefined
  readonly joined: number
}

const summaryTypes = ['name', 'topic', 'avatar', 'canonical_alias', 'join_rules', 'history_visibility', 'guest_access']

/** Rooms in a few words. */
export class RoomSummary {
  readonly #database: Database
  readonly #interned: Interned
  readonly #roomState: RoomState

  constructor(deps: { readonly database: Database; readonly interned: Interned; readonly roomState: RoomState }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#roomState = deps.roomState
  }

  /**
   * How many people each of these rooms has, and its heroes for `userId`, by the room's integer id. Three queries at
   * most, whatever the number of rooms, and few rows of each, whatever the number of its members. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
   */
  async members(userId: UserId, roomNids: readonly number[]): Promise<ReadonlyMap<number, MembersSummary>> {
    if (roomNids.length === 0) return new Map()
    const userNid = await this.#interned.userNid(userId)
    const [counts, people] = await this.#database.runInteraction(
      'members_summary',
      async (txn) => [await memberCounts(txn, roomNids), await heroesOf(txn, roomNids, userNid)] as const,
      { readOnly: true },
    )
    const countsOf = new Map(counts.map(({ roomNid, membership, count }) => [`${roomNid} ${membership}`, count]))
    const heroesIn = Map.groupBy(people, (hero) => hero.roomNid)
    return new Map(
      roomNids.map((roomNid) => [
        roomNid,
        {
          joined: countsOf.get(`${roomNid} join`) ?? 0,
          invited: countsOf.get(`${roomNid} invite`) ?? 0,
          heroes: (heroesIn.get(roomNid) ?? []).map(({ userId, eventNid }) => ({ userId, eventNid })),
        },
      ]),
    )
  }

  /** What a room shows of itself. The caller decides who may see it. */
  async public(room: Room): Promise<PublicSummary> {
    const keys = [...summaryTypes.map((name) => `m.room.${name}`), 'm.room.create', 'm.room.encryption']
    const rows = await this.#roomState.eventsOf(
      room,
      keys.map((type) => ({ type, stateKey: '' })),
    )
    const counts = await this.#database.runInteraction('member_counts', (txn) => memberCounts(txn, [room.roomNid]), {
      readOnly: true,
    })
    const contents = new Map(rows.map((row) => [row.type, contentOf(row)]))
    const text = (type: string, key: string): string | undefined => {
      const value = contents.get(type)?.[key]
      return typeof value === 'string' && value !== '' ? value : undefined
    }
    return {
      name: text('m.room.name', 'name'),
      topic: text('m.room.topic', 'topic'),
      avatarUrl: text('m.room.avatar', 'url'),
      canonicalAlias: text('m.room.canonical_alias', 'alias'),
      joinRule: text('m.room.join_rules', 'join_rule') ?? 'invite',
      allowedRoomIds: allowedRooms(contents.get('m.room.join_rules')),
      worldReadable: text('m.room.history_visibility', 'history_visibility') === 'world_readable',
      guestCanJoin: text('m.room.guest_access', 'guest_access') === 'can_join',
      roomType: text('m.room.create', 'type'),
      encryption: text('m.room.encryption', 'algorithm'),
      joined: counts.find((row) => row.membership === 'join')?.count ?? 0,
    }
  }
}

/** Those who are gone give a room its name only when nobody else does. */
async function heroesOf(txn: Transaction, roomNids: readonly number[], userNid: number): Promise<Hero[]> {
  const present = await heroes(txn, roomNids, { memberships: ['join', 'invite'], userNid, limit: heroesMax })
  const named = new Set(present.map((hero) => hero.roomNid))
  const others = roomNids.filter((roomNid) => !named.has(roomNid))
  if (others.length === 0) return present
  return [...present, ...(await heroes(txn, others, { memberships: ['leave', 'ban'], userNid, limit: heroesMax }))]
}

/** The rooms whose members may join a restricted room. */
function allowedRooms(joinRules: JsonObject | undefined): string[] {
  const allow = joinRules?.['allow']
  if (!Array.isArray(allow)) return []
  return (allow as readonly unknown[]).flatMap((condition) => {
    const roomId = isJsonObject(condition) ? condition['room_id'] : undefined
    return typeof roomId === 'string' ? [roomId] : []
  })
}

/** The content of a state event; of a redacted one only what every room version keeps. */
function contentOf(row: EventRow): JsonObject {
  const kept = ['m.room.join_rules', 'm.room.history_visibility', 'm.room.create']
  if (row.redactedBy !== null && !kept.includes(row.type)) return {}
  const content: unknown = JSON.parse(jsonMember(row.json, 'content') ?? '{}')
  return isJsonObject(content) ? content : {}
}
