import assert from 'node:assert/strict'
import type { Requester } from '#users/requester.ts'
import type { SyncFloor, TestSync, ToldEvent } from './sync-floor.ts'

/** How a client syncs, always in the same way. */
export interface ClientStyle {
  readonly stateAfter: TestSync['stateAfter']
  readonly lazy: boolean
  readonly timelineLimit: number
}

/** What a client holds of a room that its user is in. */
interface HeldRoom {
  /** Event ids by type and state key. */
  readonly state: Map<string, string>
  /** Since the last gap. */
  timeline: string[]
  readonly senders: Set<string>
  summary: object
  readonly accountData: Map<string, string>
  readonly receipts: Map<string, string>
  typing: string
}

/**
 * A client that believes what it is told: it folds every answer into what it holds, as the specification says. Two
 * clients of one user that sync differently often must come to hold the same.
 */
export class SyncClient {
  readonly requester: Requester
  readonly style: ClientStyle
  readonly rooms = new Map<string, HeldRoom>()
  readonly invites = new Map<string, string>()
  readonly accountData = new Map<string, string>()
  readonly #floor: SyncFloor
  #since: string | undefined

  constructor(floor: SyncFloor, requester: Requester, style: ClientStyle) {
    this.#floor = floor
    this.requester = requester
    this.style = style
  }

  /** Syncs once and takes in the answer. */
  async sync(options: { readonly fullState?: boolean } = {}): Promise<void> {
    const state = { lazy_load_members: this.style.lazy }
    const answer = await this.#floor.answer(this.requester, {
      since: this.#since,
      stateAfter: this.style.stateAfter,
      filter: { room: { state, timeline: { limit: this.style.timelineLimit } } },
      ...options,
    })
    this.#since = answer.next_batch
    for (const event of answer.account_data?.events ?? [])
      this.accountData.set(event.type, JSON.stringify(event.content))
    for (const [roomId, told] of Object.entries(answer.rooms?.invite ?? {})) {
      this.rooms.delete(roomId)
      this.invites.set(roomId, JSON.stringify(told))
    }
    for (const roomId of Object.keys(answer.rooms?.leave ?? {})) {
      this.rooms.delete(roomId)
      this.invites.delete(roomId)
    }
    for (const [roomId, told] of Object.entries(answer.rooms?.join ?? {})) {
      this.invites.delete(roomId)
      this.#takeIn(roomId, told)
    }
  }

  // Whatever a sync tells of a room.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  #takeIn(roomId: string, told: any): void {
    const room = this.rooms.get(roomId) ?? emptyRoom()
    this.rooms.set(roomId, room)
    const timeline: ToldEvent[] = told.timeline?.events ?? []
    const listed: ToldEvent[] = told[this.style.stateAfter ?? 'state']?.events ?? []
    const listedIds = listed.map((event) => event.event_id)
    assert.equal(new Set(listedIds).size, listedIds.length, 'state names no event twice')
    if (this.style.stateAfter === undefined) {
      const inTimeline = new Set(timeline.map((event) => event.event_id))
      assert.ok(!listedIds.some((id) => inTimeline.has(id)), 'state repeats nothing of the timeline')
    }
    applyState(room.state, listed)
    if (this.style.stateAfter === undefined) applyState(room.state, timeline)
    if (told.timeline?.limited === true) room.timeline = []
    for (const event of timeline) {
      assert.ok(!room.timeline.includes(event.event_id), `${event.event_id} is told twice`)
      room.timeline.push(event.event_id)
      room.senders.add(event.sender)
    }
    if (told.summary !== undefined) room.summary = told.summary
    for (const event of told.account_data?.events ?? []) room.accountData.set(event.type, JSON.stringify(event.content))
    for (const event of told.ephemeral?.events ?? []) takeInEphemeral(room, event)
  }
}

function emptyRoom(): HeldRoom {
  const [state, accountData, receipts] = [
    new Map<string, string>(),
    new Map<string, string>(),
    new Map<string, string>(),
  ]
  return { state, timeline: [], senders: new Set(), summary: {}, accountData, receipts, typing: '[]' }
}

function applyState(state: Map<string, string>, events: readonly ToldEvent[]): void {
  for (const event of events) {
    if (event.state_key !== undefined) state.set(`${event.type} ${event.state_key}`, event.event_id)
  }
}

function takeInEphemeral(room: HeldRoom, event: ToldEvent): void {
  if (event.type === 'm.typing') room.typing = JSON.stringify(event.content['user_ids'])
  if (event.type !== 'm.receipt') return
  for (const [eventId, types] of Object.entries(event.content as Record<string, Record<string, object>>)) {
    for (const [type, users] of Object.entries(types)) {
      for (const userId of Object.keys(users)) room.receipts.set(`${type} ${userId}`, eventId)
    }
  }
}
