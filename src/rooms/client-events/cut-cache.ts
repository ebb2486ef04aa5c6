import { cutEvent, type ClientFormat } from '#protocol/client-event.ts'
import { jsonMember } from '#protocol/json-members.ts'
import { redactedText } from '#protocol/redacted-text.ts'
import type { RoomVersionRules } from '#protocol/room-versions.ts'
import type { EventRow } from '#storage/events.ts'

/** Texts held, in characters: most are one byte each. */
const textCharactersMax = 32 * 1024 * 1024
/** What an entry costs besides its texts. */
const entryCharacters = 200
/** An event sticks to its room for this long at most, whatever it says (MSC4354). */
const stickyMsMax = 3_600_000

interface Entry {
  /** Which redaction the texts have taken in; another one makes them void. */
  readonly redactedBy: number | null
  readonly cuts: Partial<Record<ClientFormat, Cut>>
}

/** An event's client form without `unsigned`: see `cutEvent`. */
export interface Cut {
  readonly text: string
  /** For how long the event sticks to its room, in milliseconds; undefined for most, which do not. */
  readonly stickyMs: number | undefined
}

/** What a state event said before another took its place. */
export interface FormerContent {
  readonly contentText: string | undefined
  readonly sender: string | undefined
}

/**
 * Events cut into their client forms, kept by event and format until the room is needed. What is held depends on
 * nothing but the event, so every reader is served from one copy.
 *
 * Two generations instead of an order of use, which would cost more than the look-up itself: what is used moves to the
 * young one; when that is half of everything, it becomes the old one, and the old one goes.
 */
export class CutCache {
  #young = new Map<number, Entry>()
  #old = new Map<number, Entry>()
  #youngSize = 0
  #oldSize = 0
  /** Rows never change, so that what one says is found once as long as somebody holds it. */
  readonly #contents = new WeakMap<EventRow, FormerContent>()
  readonly #sizeMax: number

  /** `sizeMax`: how many characters may be held, the entries' own cost included. */
  constructor(sizeMax: number = textCharactersMax) {
    this.#sizeMax = sizeMax
  }

  /** The event's client form without `unsigned`. Redacted if the row says so. */
  of(row: EventRow, rules: RoomVersionRules, format: ClientFormat): Cut {
    const entry = this.#entry(row)
    const held = entry.cuts[format]
    if (held !== undefined) return held
    const { text, stickyText } = cutEvent(textOf(row, rules), {
      eventId: row.eventId,
      type: row.type,
      format,
      roomIdFromCreate: rules.roomIdIsCreateId,
      redactsInContent: rules.redactsInContent,
    })
    const cut = { text, stickyMs: stickyText === undefined ? undefined : stickyMsOf(stickyText) }
    entry.cuts[format] = cut
    this.#grow(text.length)
    return cut
  }

  /** What an event says, and who says it; redacted if the row says so. */
  contentOf(row: EventRow, rules: RoomVersionRules): FormerContent {
    let former = this.#contents.get(row)
    if (former === undefined) {
      const text = textOf(row, rules)
      const sender: unknown = JSON.parse(jsonMember(text, 'sender') ?? 'null')
      const contentText = jsonMember(text, 'content')
      former = { contentText, sender: typeof sender === 'string' ? sender : undefined }
      this.#contents.set(row, former)
    }
    return former
  }

  /** How many characters are held at most, the entries' own cost included. */
  get size(): number {
    return this.#youngSize + this.#oldSize
  }

  #entry(row: EventRow): Entry {
    const { eventNid, redactedBy } = row
    const young = this.#young.get(eventNid)
    if (young !== undefined && young.redactedBy === redactedBy) return young
    const old = this.#old.get(eventNid)
    const entry = old !== undefined && old.redactedBy === redactedBy ? old : { redactedBy, cuts: {} }
    this.#young.set(eventNid, entry)
    let size = entryCharacters
    for (const cut of Object.values(entry.cuts)) size += cut.text.length
    this.#grow(size)
    return entry
  }

  #grow(size: number): void {
    this.#youngSize += size
    if (this.#youngSize <= this.#sizeMax / 2) return
    this.#old = this.#young
    this.#oldSize = this.#youngSize
    this.#young = new Map()
    this.#youngSize = 0
  }
}

/** The text of an event, as its redaction leaves it if it is redacted. */
export function textOf(row: EventRow, rules: RoomVersionRules): string {
  return row.redactedBy === null ? row.json : redactedText(row.json, rules)
}

/** https://github.com/matrix-org/matrix-spec-proposals/pull/4354 */
function stickyMsOf(text: string): number | undefined {
  const duration: unknown = text.startsWith('{') ? JSON.parse(jsonMember(text, 'duration_ms') ?? 'null') : null
  const fits = typeof duration === 'number' && Number.isInteger(duration) && duration >= 0
  return fits ? Math.min(duration, stickyMsMax) : undefined
}
