import type { Event } from '#protocol/event.ts'
import { parseRoomId, parseUserId, type EventId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'

let count = 0

/** What a test says of an event; the rest is made up. Every event gets an id of its own unless one is given. */
export interface EventWish {
  readonly type?: string
  readonly sender?: string
  readonly stateKey?: string | undefined
  readonly content?: JsonObject
  readonly roomId?: string
  readonly eventId?: string
  readonly authEvents?: readonly (Event | string)[]
  readonly prevEvents?: readonly (Event | string)[]
  readonly originServerTs?: number
  readonly depth?: number
  readonly pdu?: JsonObject
}

/** An event for a test, without hashes and signatures: `@alice:a.example` says something in `!room:a.example`. */
export function anEvent(wish: EventWish = {}): Event {
  count += 1
  const roomId = parseRoomId(wish.roomId ?? '!room:a.example')
  const sender = parseUserId(wish.sender ?? '@alice:a.example')
  const { stateKey } = wish
  const type = wish.type ?? 'm.room.message'
  const content = wish.content ?? {}
  return {
    eventId: (wish.eventId ?? `$${count}:a.example`) as EventId,
    roomId,
    type,
    sender,
    stateKey,
    content,
    depth: wish.depth ?? count,
    originServerTs: wish.originServerTs ?? count,
    authEvents: (wish.authEvents ?? []).map(idOf),
    prevEvents: (wish.prevEvents ?? []).map(idOf),
    pdu: wish.pdu ?? {
      type,
      content,
      sender,
      room_id: roomId,
      ...(stateKey === undefined ? {} : { state_key: stateKey }),
    },
  }
}

/** A membership event: about the sender unless `target` is given. */
export function aMember(
  membership: string,
  sender: string,
  wish: EventWish & { readonly target?: string } = {},
): Event {
  const content = { ...wish.content, membership }
  return anEvent({ ...wish, type: 'm.room.member', sender, stateKey: wish.target ?? sender, content })
}

/** The state that these events make, in order, as the protocol core looks it up. */
export function stateOf(...events: readonly Event[]): (type: string, stateKey: string) => Event | undefined {
  const state = new Map(events.map((event) => [`${event.type}\0${event.stateKey ?? ''}`, event]))
  return (type, stateKey) => state.get(`${type}\0${stateKey}`)
}

function idOf(event: Event | string): EventId {
  return typeof event === 'string' ? (event as EventId) : event.eventId
}
