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
/** Characters that 32 and 64 bytes take. */
const shortCharacters = 43
const longCharacters = 86
const encodings = [
  { bytes: 32, name: 'base64' },
  { bytes: 64, name: 'base64' },
  { bytes: 32, name: 'base64url' },
  { bytes: 64, name: 'base64url' },
] as const

const phraseNumbers = new Map(phrases.map((phrase, number) => [phrase, number]))
/** Phrases, and what stands before base64 where no phrase does: looking for base64 itself at each character costs more than all else. */
const marks = new RegExp(
  [
    '["$!](?=[\\w+/-]{43}(?:[\\w+/-]{43})?")',
    ...[...phrases].sort((a, b) => b.length - a.length).map((phrase) => RegExp.escape(phrase)),
  ].join('|'),
  'g',
)
const leadsToBase64 = phrases.map((phrase) => /["$!]$/.test(phrase))
const base64 = /^(?:[A-Za-z0-9+/]+|[\w-]+)$/
const quote = 0x22

/** Packs the text of an event. Linear; some microseconds. */
export function packEventText(text: string): Uint8Array {
  const packing = new Packing(text)
  marks.lastIndex = 0
  for (let match = marks.exec(text); match !== null; match = marks.exec(text)) {
    const phrase = phraseNumbers.get(match[0])
    if (phrase !== undefined) packing.putPhrase(phrase, match.index, marks.lastIndex)
    if (phrase === undefined || leadsToBase64[phrase] === true) marks.lastIndex = packing.putEncoded(marks.lastIndex)
  }
  return packing.end()
}

/** One text while it is packed. */
class Packing {
  readonly #text: string
  readonly #out: Buffer
  readonly #known = new PlainTexts()
  #length = 0
  /** Everything before it is packed. */
  #packedTo = 0

  constructor(text: string) {
    this.#text = text
    this.#out = Buffer.allocUnsafe(Buffer.byteLength(text) * 2 + 16)
    this.#out[this.#length++] = form
  }

  /** Puts a phrase that stands between two places, after the plain text before it. */
  putPhrase(number: number, from: number, to: number): void {
    this.#putPlain(from)
    this.#out[this.#length++] = number
    this.#packedTo = to
  }

  /** Puts what stands at a place, if that is base64 of an id, a hash or a signature; gives where it goes on. */
  putEncoded(from: number): number {
    const isShort = this.#text.charCodeAt(from + shortCharacters) === quote
    const to = from + (isShort ? shortCharacters : longCharacters)
    if (!isShort && this.#text.charCodeAt(to) !== quote) return from
    const part = this.#text.slice(from, to)
    const encoding = encodingOf(part)
    if (encoding === undefined) return from
    this.#putPlain(from)
    this.#out[this.#length++] = encodedFirst + encoding
    this.#length += this.#out.write(part, this.#length, 'base64')
    this.#packedTo = to
    return to
  }

  /** Puts what is left; gives the packed text. */
  end(): Uint8Array {
    this.#putPlain(this.#text.length)
    return Uint8Array.prototype.slice.call(this.#out, 0, this.#length)
  }

  #putPlain(to: number): void {
    if (to === this.#packedTo) return
    const out = this.#out
    const plain = this.#text.slice(this.#packedTo, to)
    const again = this.#known.find(plain)
    if (again !== undefined) {
      out[this.#length++] = again.part
      out[this.#length++] = again.number
      return
    }
    if (plain.length === timeCharacters && time.test(plain)) {
      out[this.#length++] = timePart
      this.#length = out.writeUIntBE(Number(plain), this.#length, timeBytes)
      return
    }
    this.#known.add(plain)
    // Most are short: how long one is in bytes is known once it has been written behind its length.
    const bytes = out.write(plain, this.#length + 1)
    if (bytes <= plainBytesMax) {
      out[this.#length] = plainFirst + bytes - 1
      this.#length += 1 + bytes
      return
    }
    out[this.#length++] = longPlain
    this.#length = out.writeUInt32LE(bytes, this.#length)
    this.#length += out.write(plain, this.#length)
  }
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
const timeCharacters = 13
const time = /^[1-9]\d{12}$/

function afterColon(plain: string): string {
  const colon = plain.indexOf(':')
  return colon < 0 ? '' : plain.slice(colon + 1)
}

/** Which encoding gives just this text again; undefined when none does: of the last character not all bits stand for something. */
function encodingOf(part: string): number | undefined {
  if (!base64.test(part)) return undefined
  const isShort = part.length === shortCharacters
  if (!(isShort ? 'AEIMQUYcgkosw048' : 'AQgw').includes(part.at(-1) ?? '')) return undefined
  const isForUrls = part.includes('-') || part.includes('_')
  return (isForUrls ? 2 : 0) + (isShort ? 0 : 1)
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
