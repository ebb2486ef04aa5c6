import { phrases } from './event-text/phrases.ts'

/**
 * The canonical text of an event in fewer bytes, and back, byte for byte. Common phrases become one byte, ids, hashes
 * and signatures the bytes that their base64 stands for; all else stays as it is. It saves about 40 % at a tenth of
 * what inflating costs: docs/decisions/0009-event-text.md.
 *
 * The first byte is the form: 2. Then each part begins with a byte: below 189 the number of a phrase; 189 for a time, six
 * bytes; 190 for one of the earlier plain texts again, 191 for what follows the first colon in it, the number of that text
 * in the next byte; 192 to 195 for 32 or 64 bytes of base64, plain or for URLs, without padding; from 196 for that many
 * bytes of text less 195; 255 for text with its length before it. Form 1 is the same without 189 to 191.
 */
const form = 2
const oldForm = 1
const timePart = 189
const timeBytes = 6
const againPart = 190
const againAfterColonPart = 191
/** Shorter plain texts are not worth looking for. */
const againCharactersMin = 3
/** Plain texts that a part can name. */
const againTextsMax = 256
const encodedFirst = 192
const plainFirst = 196
const plainBytesMax = 254 - plainFirst + 1
const longPlain = 255
/** Of the length before a long plain text. */
const longBytes = 4
const encodings = [
  { characters: 43, bytes: 32, name: 'base64' },
  { characters: 86, bytes: 64, name: 'base64' },
  { characters: 43, bytes: 32, name: 'base64url' },
  { characters: 86, bytes: 64, name: 'base64url' },
] as const

const phraseNumbers = new Map(phrases.map((phrase, number) => [phrase, number]))
const parts = new RegExp(
  [
    '(?<=["$!])(?:[A-Za-z0-9+/]{86}|[A-Za-z0-9+/]{43}|[A-Za-z0-9_-]{86}|[A-Za-z0-9_-]{43})(?=")',
    ...[...phrases].sort((a, b) => b.length - a.length).map((phrase) => RegExp.escape(phrase)),
  ].join('|'),
  'g',
)

/** Packs the text of an event. Linear; some 10 µs. */
export function packEventText(text: string): Uint8Array {
  const out = Buffer.allocUnsafe(Buffer.byteLength(text) * 2 + 16)
  const known = new PlainTexts()
  let length = 0
  let plainFrom = 0
  const putPlain = (to: number): void => {
    if (to === plainFrom) return
    const plain = text.slice(plainFrom, to)
    const again = known.find(plain)
    if (again !== undefined) {
      out[length++] = again.part
      out[length++] = again.number
      return
    }
    if (time.test(plain)) {
      out[length++] = timePart
      length = out.writeUIntBE(Number(plain), length, timeBytes)
      return
    }
    known.add(plain)
    const bytes = Buffer.from(plain)
    if (bytes.length <= plainBytesMax) out[length++] = plainFirst + bytes.length - 1
    else {
      out[length++] = longPlain
      length = out.writeUInt32LE(bytes.length, length)
    }
    length += bytes.copy(out, length)
  }
  out[length++] = form
  for (const match of text.matchAll(parts)) {
    const [part] = match
    const number = phraseNumbers.get(part)
    const encoded = number === undefined ? encodedPart(part) : undefined
    if (number === undefined && encoded === undefined) continue
    putPlain(match.index)
    plainFrom = match.index + part.length
    out[length++] = number ?? encodedFirst + (encoded?.encoding ?? 0)
    if (encoded !== undefined) length += encoded.bytes.copy(out, length)
  }
  putPlain(text.length)
  return Uint8Array.prototype.slice.call(out, 0, length)
}

/** The plain texts of one event so far: a sender's id comes again as state key, their server with its signature. */
class PlainTexts {
  readonly #parts = new Map<string, { readonly part: number; readonly number: number }>()
  #count = 0

  find(plain: string): { readonly part: number; readonly number: number } | undefined {
    return this.#parts.get(plain)
  }

  add(plain: string): void {
    const number = this.#count++
    if (number >= againTextsMax) return
    if (plain.length >= againCharactersMin) this.#parts.set(plain, { part: againPart, number })
    const after = afterColon(plain)
    if (after.length < againCharactersMin || this.#parts.has(after)) return
    this.#parts.set(after, { part: againAfterColonPart, number })
  }
}

/** Milliseconds since 1970 as they have been written since 2001 and will be until 2286. */
const time = /^[1-9]\d{12}$/

function afterColon(plain: string): string {
  const colon = plain.indexOf(':')
  return colon < 0 ? '' : plain.slice(colon + 1)
}

/** The bytes that a part stands for; undefined when they would not give just this text again. */
function encodedPart(part: string): { readonly encoding: number; readonly bytes: Buffer } | undefined {
  for (const [encoding, { characters, name }] of encodings.entries()) {
    if (characters !== part.length) continue
    const bytes = Buffer.from(part, 'base64')
    if (unpadded(bytes, 0, bytes.length, name) === part) return { encoding, bytes }
  }
  return undefined
}

function unpadded(bytes: Buffer, start: number, end: number, encoding: 'base64' | 'base64url'): string {
  const text = bytes.toString(encoding, start, end)
  if (encoding === 'base64url') return text
  return end - start === 32 ? text.slice(0, -1) : text.slice(0, -2)
}

/**
 * The text that was packed. Linear; some microseconds.
 * @throws Error when the bytes are not what `packEventText` gives: the database is damaged, or newer than the program.
 */
export function unpackEventText(packed: Uint8Array): string {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  if (bytes[0] !== form && bytes[0] !== oldForm) throw new Error('the text of an event is stored in an unknown form')
  const plains: string[] = []
  let text = ''
  let at = 1
  while (at < bytes.length) {
    const part = bytes[at++] ?? 0
    const phrase = phrases[part]
    if (phrase !== undefined) {
      text += phrase
      continue
    }
    const end = at + sizeOf(part, bytes, at)
    if (end > bytes.length) throw new Error('the text of an event ends too early')
    if (part >= plainFirst) {
      const plain = bytes.toString('utf8', part === longPlain ? at + longBytes : at, end)
      plains.push(plain)
      text += plain
    } else if (part >= encodedFirst) {
      text += unpadded(bytes, at, end, encodings[part - encodedFirst]?.name ?? 'base64')
    } else text += part === timePart ? String(bytes.readUIntBE(at, timeBytes)) : again(part, plains[bytes[at] ?? 0])
    at = end
  }
  return text
}

/** How many bytes belong to a part that is no phrase. */
function sizeOf(part: number, bytes: Buffer, at: number): number {
  if (part === longPlain) return at + longBytes > bytes.length ? longBytes : longBytes + bytes.readUInt32LE(at)
  if (part >= plainFirst) return part - plainFirst + 1
  if (part >= encodedFirst) return encodings[part - encodedFirst]?.bytes ?? 0
  if (part === timePart) return timeBytes
  if (part === againPart || part === againAfterColonPart) return 1
  throw new Error('the text of an event has an unknown phrase')
}

function again(part: number, plain: string | undefined): string {
  if (plain === undefined) throw new Error('the text of an event repeats what it does not have')
  return part === againPart ? plain : afterColon(plain)
}
