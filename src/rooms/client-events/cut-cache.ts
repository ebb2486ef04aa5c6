import { canonicalJson } from '#protocol/canonical-json.ts'
import { cutEvent, type ClientFormat } from '#protocol/client-event.ts'
import { isJsonObject } from '#protocol/json.ts'
import { redact } from '#protocol/redaction.ts'
import type { RoomVersionRules } from '#protocol/room-versions.ts'
import type { EventRow } from '#storage/events.ts'

/** Texts held, in characters: most are one byte each. */
const textCharactersMax = 32 * 1024 * 1024
/** What an entry costs besides its texts. */
const entryCharacters = 200

interface Entry {
  /** Which redaction the texts have taken in; another one makes them void. */
  readonly redactedBy: number | null
  readonly texts: Partial<Record<ClientFormat, string>>
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
  readonly #sizeMax: number

  /** `sizeMax`: how many characters may be held, the entries' own cost included. */
  constructor(sizeMax: number = textCharactersMax) {
    this.#sizeMax = sizeMax
  }

  /** The event's client form without `unsigned`: see `cutEvent`. Redacted if the row says so. */
  of(row: EventRow, rules: RoomVersionRules, format: ClientFormat): string {
    const entry = this.#entry(row)
    const held = entry.texts[format]
    if (held !== undefined) return held
    const text = cutEvent(row.redactedBy === null ? row.json : redactedText(row.json, rules), {
      eventId: row.eventId,
      type: row.type,
      format,
      roomIdFromCreate: rules.roomIdIsCreateId,
      redactsInContent: rules.redactsInContent,
    })
    entry.texts[format] = text
    this.#grow(text.length)
    return text
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
    const entry = old !== undefined && old.redactedBy === redactedBy ? old : { redactedBy, texts: {} }
    this.#young.set(eventNid, entry)
    let size = entryCharacters
    for (const text of Object.values(entry.texts)) size += text.length
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

/** The text of an event as its redaction leaves it. Old rooms may hold numbers that are refused today. */
export function redactedText(json: string, rules: RoomVersionRules): string {
  const pdu: unknown = JSON.parse(json)
  if (!isJsonObject(pdu)) throw new Error('a stored event is not an object')
  return canonicalJson(redact(pdu, rules), false)
}
