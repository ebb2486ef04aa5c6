import type { Logger } from '#observability/logger.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import type { RoomVersionRules } from '#protocol/room-versions.ts'
import type { EventRow } from '#storage/events.ts'
import { textOf } from './client-events/cut-cache.ts'

/** How long one plug-in may take for all events of an answer together. What it has not said by then is left out. */
const additionsMsMax = 250
/** Longest text that one plug-in may add to one event. */
const additionCharactersMax = 4_096
/** Of a plug-in that keeps failing, the log tells the first failure and then one in so many. */
const failuresPerLine = 1_000

/** What a plug-in gives to add members to the `unsigned` of events that clients read: docs/plug-ins.md. */
export interface UnsignedAdder {
  /** The plug-in's name, for the log. */
  readonly name: string
  /** Called once for each event of an answer. The event is frozen; nothing, or undefined, adds nothing. */
  addToUnsigned(event: JsonObject): unknown
}

/** Additions by event id: JSON text by key. */
export type Additions = ReadonlyMap<string, ReadonlyMap<string, string>>

/**
 * What plug-ins add to the `unsigned` of events. A plug-in that throws, takes too long or gives something unfit adds
 * nothing to that event; it is counted and logged, and nobody's answer fails for it.
 */
export class UnsignedAdditions {
  readonly #plugIns: readonly UnsignedAdder[]
  readonly #logger: Logger
  readonly #failures = new Map<string, number>()

  constructor(deps: { readonly plugIns: readonly UnsignedAdder[]; readonly logger: Logger }) {
    this.#plugIns = deps.plugIns
    this.#logger = deps.logger
  }

  /** How often each plug-in has failed, by its name. */
  get failures(): ReadonlyMap<string, number> {
    return this.#failures
  }

  /**
   * What is added to these events, each looked at once however often it is given; of two plug-ins with the same key, the
   * later one counts. Never rejects.
   */
  async of(rows: readonly EventRow[], versions: ReadonlyMap<number, RoomVersionRules>): Promise<Additions> {
    const additions = new Map<string, Map<string, string>>()
    if (this.#plugIns.length === 0) return additions
    const events = new Map<string, JsonObject>()
    for (const row of rows) {
      const rules = versions.get(row.roomNid)
      if (rules !== undefined && !events.has(row.eventId)) events.set(row.eventId, eventFor(row, rules))
    }
    // At once, and put together in their order afterwards.
    const said = await Promise.all(this.#plugIns.map((plugIn) => this.#ask(plugIn, events)))
    for (const answers of said) {
      for (const [eventId, members] of answers) {
        const texts = additions.get(eventId) ?? new Map<string, string>()
        for (const [key, text] of members) texts.set(key, text)
        additions.set(eventId, texts)
      }
    }
    return additions
  }

  async #ask(
    plugIn: UnsignedAdder,
    events: ReadonlyMap<string, JsonObject>,
  ): Promise<ReadonlyMap<string, readonly (readonly [string, string])[]>> {
    const answers = new Map<string, readonly (readonly [string, string])[]>()
    const asked = [...events].map(async ([eventId, event]) => {
      try {
        const members = membersOf(await plugIn.addToUnsigned(event))
        if (members.length > 0) answers.set(eventId, members)
      } catch (error) {
        this.#failed(plugIn, error)
      }
    })
    const { promise: tooLate, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(resolve, additionsMsMax, true)
    const late = await Promise.race([Promise.all(asked).then(() => false), tooLate])
    clearTimeout(timer)
    if (late) this.#failed(plugIn, new Error(`took longer than ${additionsMsMax} ms`))
    // What comes late must not reach an answer that is being written.
    return new Map(answers)
  }

  #failed(plugIn: UnsignedAdder, error: unknown): void {
    const failures = (this.#failures.get(plugIn.name) ?? 0) + 1
    this.#failures.set(plugIn.name, failures)
    if (failures % failuresPerLine === 1)
      this.#logger.warn('A plug-in could not add to an event', { plugIn: plugIn.name, failures, error: String(error) })
  }
}

/** The event as a plug-in sees it, which nobody can change: what one plug-in does must not reach the others. */
function eventFor(row: EventRow, rules: RoomVersionRules): JsonObject {
  const event = JSON.parse(textOf(row, rules)) as JsonObject
  return deepFrozen({ ...event, event_id: row.eventId })
}

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFrozen(inner)
    Object.freeze(value)
  }
  return value
}

/** Checks what a plug-in gave: nothing, or an object of JSON. */
function membersOf(given: unknown): (readonly [string, string])[] {
  if (given === undefined || given === null) return []
  const text = JSON.stringify(given)
  const copy: unknown = text === undefined ? undefined : JSON.parse(text)
  if (!isJsonObject(copy)) throw new TypeError('gave something that is not a JSON object')
  if (text.length > additionCharactersMax) throw new RangeError(`gave more than ${additionCharactersMax} characters`)
  return Object.entries(copy).map(([key, value]) => [key, JSON.stringify(value)])
}
