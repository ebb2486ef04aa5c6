/**
 * A few integer ids that lie near another one, as bytes: each as its distance, of either sign, in a variable-length
 * integer of 7 bits a byte. Most events name the one before them: one byte.
 */

/** Packs `nids` as distances from `origin`; null when there are none. Order is kept. */
export function packNids(origin: number, nids: readonly number[]): Uint8Array | null {
  if (nids.length === 0) return null
  const bytes: number[] = []
  for (const nid of nids) {
    const distance = origin - nid
    let value = distance < 0 ? -distance * 2 - 1 : distance * 2
    while (value >= 0x80) {
      bytes.push((value % 0x80) | 0x80)
      value = Math.floor(value / 0x80)
    }
    bytes.push(value)
  }
  return Uint8Array.from(bytes)
}

/** The ids that were packed with this origin. Throws Error when the bytes end in the middle of a number. */
export function unpackNids(origin: number, bytes: Uint8Array | null): number[] {
  const nids: number[] = []
  let value = 0
  let scale = 1
  for (const byte of bytes ?? []) {
    value += (byte & 0x7f) * scale
    scale *= 0x80
    if (byte >= 0x80) continue
    nids.push(value % 2 === 0 ? origin - value / 2 : origin + (value + 1) / 2)
    value = 0
    scale = 1
  }
  if (scale !== 1) throw new Error('packed ids end in the middle of a number')
  return nids
}
