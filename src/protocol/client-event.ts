import { jsonMember, jsonMembers, MemberCursor } from './json-members.ts'

/**
 * The forms in which an event leaves this server. `v2WithoutRoomId` stands under a room (sync), `v2` alone, `v1` repeats
 * some of `unsigned` at the top level as the first clients expected, `raw` is the form between servers.
 * https://spec.matrix.org/v1.19/client-server-api/#room-event-format
 */
export type ClientFormat = 'raw' | 'v1' | 'v2' | 'v2WithoutRoomId'

/** What must be known to cut an event that its text does not say. */
export interface CutOptions {
  readonly eventId: string
  readonly type: string
  readonly format: ClientFormat
  /** Room version 12: the create event carries no room_id, for that is made from its own id. */
  readonly roomIdFromCreate: boolean
  /** Room version 11: `redacts` stands in the content instead of at the top level. */
  readonly redactsInContent: boolean
}

/** What is said about an event to one reader at one moment. Members ending in `Text` or `Texts` are JSON text. */
export interface Unsigned {
  /** Milliseconds since the event was sent; negative when its sender's clock is ahead of ours. */
  readonly age?: number | undefined
  readonly transactionId?: string | undefined
  /** The delayed event that this one was (MSC4140), for who sent it. */
  readonly delayId?: string | undefined
  readonly membership?: string | undefined
  readonly replacesState?: string | undefined
  readonly prevContentText?: string | undefined
  readonly prevSender?: string | undefined
  /** The id of the redaction, and the redaction itself. */
  readonly redactedBy?: string | undefined
  readonly redactedBecauseText?: string | undefined
  /** Stripped state that came with an invite or a knock; only in what answers those. */
  readonly inviteRoomStateText?: string | undefined
  readonly knockRoomStateText?: string | undefined
  /** For how many milliseconds from now the event sticks to the room (MSC4354). */
  readonly stickyTtlMs?: number | undefined
  /** For administrators: that clients are not shown it. */
  readonly softFailed?: boolean | undefined
  /** What plug-ins add, by key; keys that are there already win. */
  readonly additionTexts?: ReadonlyMap<string, string> | undefined
  readonly relationsText?: string | undefined
}

/** Keys of an event that concern only servers. */
const serverKeys = ['auth_events', 'prev_events', 'hashes', 'signatures', 'depth', 'origin', 'prev_state']

/** What the first format repeats of `unsigned`: an event cannot say it of itself. */
const promotedKeys = [
  'age',
  'prev_content',
  'replaces_state',
  'redacted_because',
  'invite_room_state',
  'knock_room_state',
]

/** Keys by their length, so that few are compared with each of an event's. */
type KeysByLength = readonly (readonly string[] | undefined)[]

function byLength(...keys: readonly string[]): KeysByLength {
  const groups: string[][] = []
  for (const key of keys) (groups[key.length] ??= []).push(key)
  return groups
}

const keysCut: Readonly<Record<ClientFormat, KeysByLength>> = {
  raw: byLength('event_id', 'unsigned'),
  v1: byLength('event_id', 'unsigned', 'user_id', ...promotedKeys, ...serverKeys),
  v2: byLength('event_id', 'unsigned', ...serverKeys),
  v2WithoutRoomId: byLength('event_id', 'unsigned', 'room_id', ...serverKeys),
}

/** What `cutEvent` makes of an event. */
export interface CutText {
  /** An object's text up to where `unsigned` goes, without its closing brace: `spliceEvent` completes it. */
  readonly text: string
  /** The text of what the event says of sticking to its room (MSC4354); undefined for most, which say nothing. */
  readonly stickyText: string | undefined
}

/**
 * Makes an event's client form. `text` is the event's canonical JSON, redacted already if it is to be. The result
 * depends on nothing but its arguments, so it may be kept. Linear in the text.
 */
export function cutEvent(text: string, options: CutOptions): CutText {
  const cut = keysCut[options.format]
  const saysRoom = options.roomIdFromCreate && options.type === 'm.room.create'
  const redacts = options.type === 'm.room.redaction' ? redactsOf(text, options.redactsInContent) : undefined
  let result = '{"event_id":' + JSON.stringify(options.eventId)
  // Neighbors that are kept are copied together.
  let from = -1
  let to = -1
  let sender: string | undefined
  let stickyText: string | undefined
  let hasContent = false
  const member = new MemberCursor(text)
  while (member.next()) {
    if (member.hasKey('sender')) sender = member.valueText
    else if (member.hasKey('msc4354_sticky')) stickyText = member.valueText
    const isContent = member.hasKey('content')
    if (isContent) hasContent = true
    const moved = redacts !== undefined && (isContent || member.hasKey('redacts'))
    if (moved || isAmong(member, cut) || (saysRoom && member.hasKey('room_id'))) {
      if (from >= 0) result += ',' + text.slice(from, to)
      from = -1
      if (moved && isContent) result += ',"content":' + withRedacts(member.valueText, redacts)
      continue
    }
    if (from < 0) from = member.start
    to = member.end
  }
  if (from >= 0) result += ',' + text.slice(from, to)
  if (redacts !== undefined) {
    if (!hasContent) result += ',"content":{"redacts":' + redacts + '}'
    result += ',"redacts":' + redacts
  }
  if (options.format === 'v1' && sender !== undefined && sender !== 'null') result += ',"user_id":' + sender
  if (saysRoom) result += ',"room_id":' + JSON.stringify('!' + options.eventId.slice(1))
  return { text: result, stickyText }
}

function isAmong(member: MemberCursor, keys: KeysByLength): boolean {
  const candidates = keys[member.keyLength]
  if (candidates === undefined) return false
  for (const key of candidates) if (member.hasKey(key)) return true
  return false
}

/**
 * Completes what `cutEvent` made, with what this reader may know. Constant time beside the texts' concatenation.
 * https://spec.matrix.org/v1.19/client-server-api/#definition-clientevent_unsigneddata
 */
export function spliceEvent(cut: string, unsigned: Unsigned, format: ClientFormat): string {
  const shared = sharedText(unsigned)
  let own = shared + ownText(unsigned)
  if (unsigned.additionTexts !== undefined) own += additionsText(unsigned.additionTexts, own)
  if (unsigned.relationsText !== undefined) own += ',"m.relations":' + unsigned.relationsText
  return cut + (format === 'v1' ? shared : '') + ',"unsigned":{' + own.slice(1) + '}}'
}

/** What somebody invited is told of the event that invited them. */
const strippedKeys: ReadonlySet<string> = new Set(['content', 'origin_server_ts', 'sender', 'state_key', 'type'])

/**
 * A state event as those are told it who are not in its room, with its id and its time, so that clients can put
 * invitations in order. `text` is its canonical JSON, redacted already if it is to be.
 * https://spec.matrix.org/v1.19/client-server-api/#stripped-state
 */
export function strippedEvent(text: string, eventId: string): string {
  let result = '{"event_id":' + JSON.stringify(eventId)
  for (const member of jsonMembers(text))
    if (strippedKeys.has(member.key)) result += ',' + text.slice(member.start, member.end)
  return result + '}'
}

/** The members of `unsigned` that the first format repeats beside it. */
function sharedText(unsigned: Unsigned): string {
  let text = ''
  if (unsigned.age !== undefined) text = ',"age":' + String(unsigned.age)
  if (unsigned.prevContentText !== undefined) text += ',"prev_content":' + unsigned.prevContentText
  if (unsigned.replacesState !== undefined) text += ',"replaces_state":' + JSON.stringify(unsigned.replacesState)
  if (unsigned.redactedBecauseText !== undefined) text += ',"redacted_because":' + unsigned.redactedBecauseText
  if (unsigned.inviteRoomStateText !== undefined) text += ',"invite_room_state":' + unsigned.inviteRoomStateText
  if (unsigned.knockRoomStateText !== undefined) text += ',"knock_room_state":' + unsigned.knockRoomStateText
  return text
}

/** The members of `unsigned` that stand there alone. */
function ownText(unsigned: Unsigned): string {
  let text = ''
  if (unsigned.membership !== undefined) text = ',"membership":' + JSON.stringify(unsigned.membership)
  if (unsigned.prevSender !== undefined) text += ',"prev_sender":' + JSON.stringify(unsigned.prevSender)
  if (unsigned.transactionId !== undefined) text += ',"transaction_id":' + JSON.stringify(unsigned.transactionId)
  if (unsigned.redactedBy !== undefined) text += ',"redacted_by":' + JSON.stringify(unsigned.redactedBy)
  if (unsigned.delayId !== undefined) text += ',"org.matrix.msc4140.delay_id":' + JSON.stringify(unsigned.delayId)
  if (unsigned.stickyTtlMs !== undefined) text += ',"msc4354_sticky_duration_ttl_ms":' + String(unsigned.stickyTtlMs)
  if (unsigned.softFailed === true) text += ',"io.element.synapse.soft_failed":true'
  return text
}

/** What plug-ins add to `unsigned`, whose members so far are `text`, each after a comma. */
function additionsText(additions: ReadonlyMap<string, string>, text: string): string {
  const taken = new Set(jsonMembers('{' + text.slice(1) + '}').map((member) => member.key))
  let result = ''
  for (const [key, value] of additions) {
    const name = JSON.stringify(key)
    if (key !== 'm.relations' && !taken.has(name.slice(1, -1))) result += ',' + name + ':' + value
  }
  return result
}

/** An event's text, of which fields were picked, with what relates to the event put into its `unsigned` all the same. */
export function withRelations(text: string, relationsText: string): string {
  const unsigned = jsonMembers(text).find((member) => member.key === 'unsigned')
  const relations = '"m.relations":' + relationsText
  if (unsigned === undefined) return text.slice(0, -1) + (text === '{}' ? '' : ',') + '"unsigned":{' + relations + '}}'
  const comma = text.slice(unsigned.value, unsigned.end) === '{}' ? '' : ','
  return text.slice(0, unsigned.end - 1) + comma + relations + text.slice(unsigned.end - 1)
}

/** Gives the text of what a redaction redacts, wherever its room version keeps it. */
function redactsOf(text: string, inContent: boolean): string | undefined {
  if (!inContent) return jsonMember(text, 'redacts')
  const content = jsonMember(text, 'content')
  return content?.startsWith('{') === true ? jsonMember(content, 'redacts') : undefined
}

/** Gives the text of `content` with `redacts` put into it. What is not an object stays as it is. */
function withRedacts(content: string, redacts: string): string {
  if (!content.startsWith('{')) return content
  let result = '{"redacts":' + redacts
  for (const member of jsonMembers(content))
    if (member.key !== 'redacts') result += ',' + content.slice(member.start, member.end)
  return result + '}'
}
