import { phrases } from './event-text/phrases.ts'

/**
 * The canonical text of an event in fewer bytes, and back, byte for byte. Common phrases become one byte, ids, hashes
 * and signatures the bytes that their base64 stands for; all else stays as it is. It saves about 40 % at a tenth of
 * what inflating costs: docs/decisions/0009-event-text.md.
 *
 * The first byte is the form: 1. Then each part begins with a byte: below 192 the number of a phrase; 192 to 195 for 32
 * or 64 bytes of base64, plain or for URLs, without padding; from 196 for that many bytes of text less 195; 255 for
 * text with its length before it.
 */
const form = 1
const encodedFirst = 192
const plainFirst = 196
const plainBytesMax = 254 - plainFirst + 1
const longPlain = 255
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
  let length = 0
  let plainFrom = 0
  const putPlain = (to: number): void => {
    if (to === plainFrom) return
    const bytes = Buffer.from(text.slice(plainFrom, to))
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
  if (bytes[0] !== form) throw new Error('the text of an event is stored in an unknown form')
  let text = ''
  let at = 1
  while (at < bytes.length) {
    const part = bytes[at++] ?? 0
    if (part < encodedFirst) {
      const phrase = phrases[part]
      if (phrase === undefined) throw new Error('the text of an event has an unknown phrase')
      text += phrase
      continue
    }
    let size = part - plainFirst + 1
    if (part === longPlain) {
      size = bytes.readUInt32LE(at)
      at += 4
    }
    const encoding = part < plainFirst ? encodings[part - encodedFirst] : undefined
    const end = at + (encoding?.bytes ?? size)
    if (end > bytes.length) throw new Error('the text of an event ends too early')
    text += encoding === undefined ? bytes.toString('utf8', at, end) : unpadded(bytes, at, end, encoding.name)
    at = end
  }
  return text
}
