import { authEventKeys, checkAuth } from '#protocol/auth-rules.ts'
import type { Event } from '#protocol/event.ts'
import type { EventId } from '#protocol/identifiers.ts'
import type { JsonObject, JsonValue } from '#protocol/json.ts'
import { roomVersion, type RoomVersionRules } from '#protocol/room-versions.ts'
import { stateKeyText } from '#protocol/state-key.ts'
import { resolveState, type EventSource, type StateMap } from '#protocol/state-resolution.ts'
import { anEvent } from './events.ts'

/** An event of a graph: what is missing is a message, after the one added before. */
export interface GraphWish {
  readonly type?: string
  readonly sender: string
  readonly stateKey?: string
  readonly content?: JsonObject
  /** Names of the events before it. */
  readonly after?: readonly string[]
  readonly originServerTs?: number
  /** What a redaction names, in the place where the room version wants it. */
  readonly redacts?: JsonValue
}

/** A room's event graph for tests: each event gets the state that the ones before it resolve to, and auth events of it. */
export class RoomGraph implements EventSource {
  readonly rules: RoomVersionRules
  readonly events = new Map<EventId, Event>()
  readonly #statesAfter = new Map<EventId, StateMap>()
  readonly #roomId: string
  #last: string | undefined
  #time = 1000

  constructor(version: string) {
    const rules = roomVersion(version)
    if (rules === undefined) throw new RangeError(`no room version ${version}`)
    this.rules = rules
    this.#roomId = rules.roomIdIsCreateId ? '!create:a' : '!room:a'
  }

  /** Adds an event, whether or not the rules allow it; only those that they allow become part of the state. */
  add(name: string, wish: GraphWish): Event {
    const after = wish.after ?? (this.#last === undefined ? [] : [this.#last])
    const before = this.stateBefore(...after)
    const draft = {
      type: wish.type ?? 'm.room.message',
      sender: wish.sender,
      stateKey: wish.stateKey,
      content: this.#contentOf(wish),
    }
    const probe = anEvent({ ...draft, roomId: this.#roomId })
    const authEvents = authEventKeys(probe, this.rules)
      .map(([type, stateKey]) => before.get(stateKeyText(type, stateKey)))
      .filter((eventId) => eventId !== undefined)
    this.#time += 1
    const event = anEvent({
      ...draft,
      roomId: this.#roomId,
      eventId: `$${name}:a`,
      authEvents,
      prevEvents: after.map((each) => `$${each}:a`),
      originServerTs: wish.originServerTs ?? this.#time,
      depth: this.events.size + 1,
      ...(draft.type === 'm.room.create' && this.rules.roomIdIsCreateId ? { pdu: { content: draft.content } } : {}),
      ...this.#besideContent(wish, draft),
    })
    this.events.set(event.eventId, event)
    const state = new Map(before)
    if (event.stateKey !== undefined && this.allows(event, before)) {
      state.set(stateKeyText(event.type, event.stateKey), event.eventId)
    }
    this.#statesAfter.set(event.eventId, state)
    this.#last = name
    return event
  }

  /** The text of an event, as another server would send it. */
  textOf(event: Event): string {
    const references = (ids: readonly EventId[]): JsonValue =>
      this.rules.eventReferences === 'ids' ? [...ids] : ids.map((eventId) => [eventId, { sha256: '' }])
    return JSON.stringify({
      ...event.pdu,
      ...{ type: event.type, sender: event.sender, content: event.content, state_key: event.stateKey },
      ...{ depth: event.depth, origin_server_ts: event.originServerTs },
      ...{ auth_events: references(event.authEvents), prev_events: references(event.prevEvents) },
    })
  }

  #contentOf({ content = {}, redacts }: GraphWish): JsonObject {
    return redacts === undefined || !this.rules.redactsInContent ? content : { ...content, redacts }
  }

  #besideContent(
    { redacts, sender }: GraphWish,
    draft: { readonly type: string; readonly content: JsonObject },
  ): object {
    if (redacts === undefined || this.rules.redactsInContent) return {}
    return { pdu: { ...draft, sender, room_id: this.#roomId, redacts } }
  }

  /** The state before an event that comes after these. */
  stateBefore(...names: readonly string[]): StateMap {
    const states = names.map((name) => this.stateAfter(name))
    return states.length === 0 ? new Map() : resolveState(states, this, this.rules)
  }

  /** The state after an event. */
  stateAfter(name: string): StateMap {
    const state = this.#statesAfter.get(`$${name}:a` as EventId)
    if (state === undefined) throw new RangeError(`no event ${name}`)
    return state
  }

  /** The name of the event in a state. */
  nameIn(state: StateMap, type: string, stateKey = ''): string | undefined {
    return state.get(stateKeyText(type, stateKey))?.slice(1, -2)
  }

  /** Whether the rules allow an event in a state. */
  allows(event: Event, state: StateMap): boolean {
    const lookup = (type: string, stateKey: string): Event | undefined => {
      const eventId = state.get(stateKeyText(type, stateKey))
      return eventId === undefined ? undefined : this.events.get(eventId)
    }
    return checkAuth(event, lookup, this.rules).allowed
  }

  readonly event = (eventId: EventId): Event | undefined => this.events.get(eventId)
  readonly isRejected = (): boolean => false
}

/** A public room of alice's, with bob and charlie in it; alice alone has power. Ends with the event `start`. */
export function aPublicRoom(version: string): RoomGraph {
  const graph = new RoomGraph(version)
  const alice = '@alice:a'
  graph.add('create', { type: 'm.room.create', sender: alice, stateKey: '', content: { creator: alice } })
  graph.add('alice', { type: 'm.room.member', sender: alice, stateKey: alice, content: { membership: 'join' } })
  graph.add('power', {
    type: 'm.room.power_levels',
    sender: alice,
    stateKey: '',
    content: { users: powerOf(graph, {}) },
  })
  graph.add('rule', { type: 'm.room.join_rules', sender: alice, stateKey: '', content: { join_rule: 'public' } })
  for (const name of ['bob', 'charlie']) {
    const userId = `@${name}:a`
    graph.add(name, { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } })
  }
  graph.add('start', { sender: alice })
  return graph
}

/** The users of a power levels event: alice at 100, where creators are named at all. */
export function powerOf(graph: RoomGraph, others: Readonly<Record<string, number>>): JsonObject {
  return graph.rules.creatorsAbovePower ? others : { '@alice:a': 100, ...others }
}
