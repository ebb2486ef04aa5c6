import type { JsonObject } from './json.ts'
import type { RoomVersionRules } from './room-versions.ts'

/**
 * The canonical JSON of events that hold numbers which JavaScript's cannot hold, or would spell otherwise: they exist
 * in rooms before version 6, and their hashes are over what their senders wrote. Hashes and ids of these few are made
 * from the text; it stands beside the parsed object here, and goes when that goes.
 */
const texts = new WeakMap<JsonObject, string>()

/** A number that may need its text: with a fraction or an exponent, or long. Finds some that do not, which is no harm. */
const suspectNumber = /\d(?:[.eE]|\d{15})/

/** Remembers the canonical JSON that an event was parsed from. */
export function rememberExactText(pdu: JsonObject, text: string): void {
  texts.set(pdu, text)
}

/** As `rememberExactText`, only where it may be needed: the text holds numbers out of the ordinary, and may. */
export function rememberIfInexact(pdu: JsonObject, text: string, rules: RoomVersionRules): void {
  if (!rules.strictCanonicalJson && suspectNumber.test(text)) texts.set(pdu, text)
}

/** The canonical JSON of an event that cannot be printed from its parsed form; undefined for all others. */
export function exactTextOf(pdu: JsonObject): string | undefined {
  return texts.get(pdu)
}
