import { parseUserId, serverNameOf } from '#protocol/identifiers.ts'
import { jsonMember } from '#protocol/json-members.ts'
import { currentState } from '#storage/current-state.ts'
import { forwardExtremities } from '#storage/event-edges.ts'
import { eventsByNids } from '#storage/events.ts'
import { joinedUsers, membershipsInRoom, userNidsOf } from '#storage/memberships.ts'
import { wrongRelationCounts } from '#storage/relation-counts.ts'
import { wrongRelationsInTurn } from '#storage/relations-in-turn.ts'
import { memberSums } from '#storage/room-members.ts'
import { recencyIsRight } from '#storage/room-recency.ts'
import { stateKeys } from '#storage/room-state.ts'
import { mergedState } from '#storage/rooms.ts'
import { wrongThreads } from '#storage/threads.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Room } from '../known-rooms.ts'
import { readState } from './read-state.ts'
import { authChainFaults } from '../auth-chains/faults.ts'
import { redactionFaults } from './redaction-faults.ts'

/** Member events that are looked at together. */
const membersAtOnce = 1_000

/**
 * Works out anew what the tables say that are derived from a room's events (its state now, who is what in it, what
 * relates to what, what is redacted) and says in a sentence each what differs. Costs the size of the room.
 */
export async function derivedFaults(txn: Transaction, room: Room): Promise<string[]> {
  const { roomNid } = room
  const [end] = await forwardExtremities(txn, roomNid)
  if (end === undefined) return ['The room has no end to go on from.']
  const state = await readState(txn, (await mergedState(txn, roomNid)) ?? end.stateNid)
  const faults: string[] = []
  const now = new Map((await currentState(txn, roomNid)).map((entry) => [entry.keyNid, entry.eventNid]))
  for (const [keyNid, eventNid] of state) {
    const other = now.get(keyNid)
    if (other !== eventNid)
      faults.push(`current_state has event ${other ?? 'none'} under key ${keyNid}; it should be ${eventNid}.`)
  }
  for (const keyNid of now.keys())
    if (!state.has(keyNid)) faults.push(`current_state has key ${keyNid}, which is gone.`)
  faults.push(...(await memberFaults(txn, roomNid, state)))
  faults.push(...(await sumFaults(txn, roomNid)), ...(await relationFaults(txn, roomNid)))
  return [...faults, ...(await redactionFaults(txn, room)), ...(await authChainFaults(txn, roomNid))]
}

async function sumFaults(txn: Transaction, roomNid: number): Promise<string[]> {
  const members = await membershipsInRoom(txn, roomNid)
  const users = await joinedUsers(txn, [roomNid])
  const kept = await memberSums(txn, roomNid)
  const due = {
    memberships: countOf(members.map((row) => row.membership)),
    servers: countOf(users.map((user) => serverNameOf(parseUserId(user.userId)))),
  }
  const wrong = (of: 'memberships' | 'servers'): string[] =>
    [...new Set([...due[of].keys(), ...kept[of].keys()])].filter((key) => due[of].get(key) !== kept[of].get(key))
  const faults = [
    ...wrong('memberships').map((membership) => `member_counts is wrong about how many have ${membership}.`),
    ...wrong('servers').map((server) => `room_servers is wrong about how many of ${server} are joined.`),
  ]
  const isRight = await recencyIsRight(txn, roomNid)
  return isRight ? faults : [...faults, 'room_recency is not at the newest event that people see as something new.']
}

function countOf(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

async function relationFaults(txn: Transaction, roomNid: number): Promise<string[]> {
  const relations = await wrongRelationCounts(txn, roomNid)
  const inTurn = await wrongRelationsInTurn(txn, roomNid)
  const threads = await wrongThreads(txn, roomNid)
  return [
    ...relations.map((eventId) => `event_relations is wrong about whether ${eventId} counts.`),
    ...inTurn.map((eventId) => `relations_in_turn is wrong about what ${eventId} relates to over others.`),
    ...threads.map((rootId) => `threads sums up the thread of ${rootId} otherwise than its replies do.`),
  ]
}

async function memberFaults(txn: Transaction, roomNid: number, state: ReadonlyMap<number, number>): Promise<string[]> {
  const rows = new Map((await membershipsInRoom(txn, roomNid)).map((row) => [row.userNid, row]))
  const faults: string[] = []
  const keyNids = [...state.keys()]
  for (let at = 0; at < keyNids.length; at += membersAtOnce) {
    const keys = (await stateKeys(txn, keyNids.slice(at, at + membersAtOnce))).filter(
      (key) => key.type === 'm.room.member',
    )
    const users = await userNidsOf(
      txn,
      keys.map((key) => key.stateKey),
    )
    const userNids = new Map(users.map((user) => [user.userId, user.userNid]))
    const eventNids = keys.flatMap((key) => state.get(key.keyNid) ?? [])
    const events = new Map((await eventsByNids(txn, eventNids)).map((event) => [event.eventNid, event]))
    for (const { keyNid, stateKey } of keys) {
      const event = events.get(state.get(keyNid) ?? 0)
      const row = rows.get(userNids.get(stateKey) ?? 0)
      if (row !== undefined) rows.delete(row.userNid)
      const membership = membershipIn(event?.json)
      if (row?.membership !== membership)
        faults.push(
          `memberships has ${row?.membership ?? 'nothing'} for ${stateKey}; it should be ${membership ?? 'nothing'}.`,
        )
    }
  }
  for (const row of rows.values()) {
    if (row.membership === 'join')
      faults.push(`memberships has user ${row.userNid} joined, whom the state does not know.`)
  }
  return faults
}

function membershipIn(json: string | undefined): string | undefined {
  const content = json === undefined ? undefined : jsonMember(json, 'content')
  const { membership } = JSON.parse(content ?? '{}') as { membership?: unknown }
  return typeof membership === 'string' ? membership : undefined
}
