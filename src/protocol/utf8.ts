/** Bytes of the text in UTF-8; a lone surrogate counts as the three bytes of its replacement. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text, 'utf8')
}

/** True when the text has at most `bytesMax` bytes in UTF-8. Most texts are so short that none need be counted. */
export function utf8LengthAtMost(text: string, bytesMax: number): boolean {
  if (text.length * 3 <= bytesMax) return true
  return text.length <= bytesMax && utf8Length(text) <= bytesMax
}
