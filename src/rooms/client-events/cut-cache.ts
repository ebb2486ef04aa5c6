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
  readonly texts: Map<ClientFormat, string>
  size: number
}

/**
 * Events cut into their client forms, kept by event and format until the room is needed. What is held depends on
 * nothing but the event, so every reader is served from one copy.
 */
export class CutCache {
  readonly #entries = new Map<number, Entry>()
  readonly #sizeMax: number
  #size = 0

  constructor(sizeMax: number = textCharactersMax) {
    this.#sizeMax = sizeMax
  }

  /** The event's client form without `unsigned`: see `cutEvent`. Redacted if the row says so. */
  of(row: EventRow, rules: RoomVersionRules, format: ClientFormat): string {
    const entry = this.#entry(row)
    const held = entry.texts.get(format)
    if (held !== undefined) return held
    const text = cutEvent(row.redactedBy === null ? row.json : redactedText(row.json, rules), {
      eventId: row.eventId,
      type: row.type,
      format,
      roomIdFromCreate: rules.roomIdIsCreateId,
      redactsInContent: rules.redactsInContent,
    })
    entry.texts.set(format, text)
    entry.size += text.length
    this.#size += text.length
    this.#makeRoom()
    return text
  }

  /** How many characters are held, the entries' own cost included. */
  get size(): number {
    return this.#size
  }

  #entry(row: EventRow): Entry {
    const held = this.#entries.get(row.eventNid)
    if (held !== undefined) {
      this.#entries.delete(row.eventNid)
      if (held.redactedBy === row.redactedBy) {
        this.#entries.set(row.eventNid, held)
        return held
      }
      this.#size -= held.size
    }
    const entry = { redactedBy: row.redactedBy, texts: new Map<ClientFormat, string>(), size: entryCharacters }
    this.#entries.set(row.eventNid, entry)
    this.#size += entry.size
    return entry
  }

  #makeRoom(): void {
    for (const [eventNid, entry] of this.#entries) {
      if (this.#size <= this.#sizeMax) return
      this.#entries.delete(eventNid)
      this.#size -= entry.size
    }
  }
}

/** The text of an event as its redaction leaves it. Old rooms may hold numbers that are refused today. */
export function redactedText(json: string, rules: RoomVersionRules): string {
  const pdu: unknown = JSON.parse(json)
  if (!isJsonObject(pdu)) throw new Error('a stored event is not an object')
  return canonicalJson(redact(pdu, rules), false)
}
