import { spliceEvent, strippedEvent, withRelations, type ClientFormat } from '#protocol/client-event.ts'
import { jsonElements, jsonMember } from '#protocol/json-members.ts'
import { pickText, type FieldTree } from '#protocol/picked-text.ts'
import type { RoomVersionRules } from '#protocol/room-versions.ts'
import type { EventRow } from '#storage/events.ts'
import { textOf, type CutCache } from './cut-cache.ts'
import type { RelationFacts } from './relation-facts.ts'

/** For whom events are told. */
export interface Reader {
  readonly userNid: number
  readonly deviceId: string
  /** A guest or an application service: has one device, so that what names no device is its own. */
  readonly hasOneDevice: boolean
}

/** Everything that the texts of a batch need, fetched before the first is made. Never changed. */
export interface SerializeContext {
  readonly format: ClientFormat
  /** Milliseconds since 1970. */
  readonly now: number
  /** Undefined: nobody in particular. */
  readonly reader: Reader | undefined
  /** Undefined: every field. */
  readonly fields: FieldTree | undefined
  /** Tell also what only administrators may know. */
  readonly adminMetadata: boolean
  /** Room versions by room. */
  readonly versions: ReadonlyMap<number, RoomVersionRules>
  /** Events told inside others, by their integer id: redactions, edits, newest replies, what a state event replaced. */
  readonly companions: ReadonlyMap<number, EventRow>
  /** What relates to events, by their Matrix id, as far as this reader is told. */
  readonly relations: ReadonlyMap<string, RelationFacts>
  /** The roots of threads that the reader began or wrote in. */
  readonly participated: ReadonlySet<string>
  /** What the reader was right after an event, by its `stateAfter`. */
  readonly memberships: ReadonlyMap<number, string>
  /** What plug-ins add to `unsigned`, by event id: JSON text by key. */
  readonly additions: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** The delayed events that events were, by their integer id. */
  readonly delayIds: ReadonlyMap<number, string>
  readonly cuts: CutCache
}

/** As what an event is told: for itself, inside another, or as the reason why another is empty. */
type Part = 'whole' | 'edit' | 'latest' | 'redaction'

/**
 * The JSON text of each event, in their order: its immutable client form with what concerns this reader spliced in. Pure
 * and synchronous; costs the texts.
 */
export function serialize(rows: readonly EventRow[], context: SerializeContext): string[] {
  return rows.map((row) => eventText(row, context, 'whole'))
}

/**
 * What those are told who are invited or knock: the JSON list `stripped` that came with their member event, and that
 * event itself, redacted where it was, in the place of what the list says of it.
 */
export function serializeInvitation(member: EventRow, stripped: string, rules: RoomVersionRules): string {
  const own = strippedEvent(textOf(member, rules), member.eventId)
  const [type, stateKey] = [jsonMember(own, 'type'), jsonMember(own, 'state_key')]
  const others = jsonElements(stripped).filter(
    (event) => jsonMember(event, 'type') !== type || jsonMember(event, 'state_key') !== stateKey,
  )
  return '[' + [...others, own].join(',') + ']'
}

function eventText(row: EventRow, context: SerializeContext, part: Part): string {
  const { format, now, companions } = context
  const cut = context.cuts.of(row, rulesOf(row, context), format)
  const replaced = row.replacesNid === null ? undefined : companions.get(row.replacesNid)
  const was = replaced === undefined ? undefined : context.cuts.contentOf(replaced, rulesOf(replaced, context))
  // A redaction is told without what redacts it in turn.
  const redaction = row.redactedBy === null || part === 'redaction' ? undefined : companions.get(row.redactedBy)
  const age = now - row.originServerTs
  const unsigned = {
    // What another server says of its clock may be anything.
    age: Number.isSafeInteger(age) ? age : undefined,
    transactionId: row.txnId === null ? undefined : ownTransactionId(row, context.reader),
    delayId: context.delayIds.size === 0 ? undefined : ownDelayId(row, context),
    membership: part === 'whole' && row.stateAfter !== null ? context.memberships.get(row.stateAfter) : undefined,
    replacesState: replaced?.eventId,
    prevContentText: was?.contentText,
    prevSender: was?.sender,
    redactedBy: redaction?.eventId,
    redactedBecauseText: redaction === undefined ? undefined : eventText(redaction, context, 'redaction'),
    softFailed: context.adminMetadata && row.softFailed === 1,
    stickyTtlMs: cut.stickyMs === undefined ? undefined : stickyTtl(row, cut.stickyMs, now),
    additionTexts: part === 'redaction' ? undefined : context.additions.get(row.eventId),
    relationsText: undefined as string | undefined,
  }
  if (part === 'redaction') return spliceEvent(cut.text, unsigned, format)
  const relationsText = part === 'edit' ? undefined : relationsTextOf(row, context)
  if (context.fields === undefined) {
    unsigned.relationsText = relationsText
    return spliceEvent(cut.text, unsigned, format)
  }
  // What relates to an event is told whatever fields are wanted of the event itself.
  const picked = pickText(spliceEvent(cut.text, unsigned, format), context.fields)
  return relationsText === undefined ? picked : withRelations(picked, relationsText)
}

function rulesOf(row: EventRow, context: SerializeContext): RoomVersionRules {
  const rules = context.versions.get(row.roomNid)
  if (rules === undefined) throw new Error(`event ${row.eventId} is in an unknown room`)
  return rules
}

/** A transaction id is told only to the device that gave it. */
function ownTransactionId(row: EventRow, reader: Reader | undefined): string | undefined {
  if (reader === undefined || row.txnId === null || row.senderNid !== reader.userNid) return undefined
  const isOwn = row.deviceId === null ? reader.hasOneDevice : row.deviceId === reader.deviceId
  return isOwn ? row.txnId : undefined
}

function ownDelayId(row: EventRow, { reader, delayIds }: SerializeContext): string | undefined {
  return reader?.userNid === row.senderNid ? delayIds.get(row.eventNid) : undefined
}

/** How long the event sticks from now; a time in the future counts from now, too. */
function stickyTtl(row: EventRow, durationMs: number, now: number): number | undefined {
  const expires = Math.min(row.originServerTs, now) + durationMs
  return expires > now ? expires - now : undefined
}

/** The text of `m.relations`; undefined when nothing relates to the event. */
function relationsTextOf(row: EventRow, context: SerializeContext): string | undefined {
  const facts = context.relations.get(row.eventId)
  if (facts === undefined) return undefined
  let text = ''
  if (facts.references.length > 0) {
    const chunk = facts.references.map(({ eventId }) => '{"event_id":' + JSON.stringify(eventId) + '}')
    text += ',"m.reference":{"chunk":[' + chunk.join(',') + ']}'
  }
  const edit = facts.editNid === undefined ? undefined : context.companions.get(facts.editNid)
  if (edit !== undefined) text += ',"m.replace":' + eventText(edit, context, 'edit')
  const { thread } = facts
  const latest = thread === undefined ? undefined : context.companions.get(thread.latestNid)
  if (thread !== undefined && latest !== undefined)
    text +=
      `,"m.thread":{"count":${thread.count},` +
      `"current_user_participated":${context.participated.has(row.eventId)},` +
      `"latest_event":${eventText(latest, context, 'latest')}}`
  return text === '' ? undefined : '{' + text.slice(1) + '}'
}
