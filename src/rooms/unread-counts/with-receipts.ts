import { threadReadUpTo, type Reader, type Tallies } from './tallies.ts'

/** What somebody has unread at a position, and how far they have read. */
interface Held {
  readonly reader: Reader
  readonly tallies: Tallies
  readonly upTo: number
}

/**
 * What is unread after receipts: nothing in what was read to the end; undefined when something was read to somewhere
 * before it, so that it has to be counted again. Receipts that say nothing new change nothing.
 */
export function withReceipts(
  { reader, tallies, upTo }: Held,
  receipts: readonly { readonly threadId: string; readonly position: number }[],
): { readonly reader: Reader; readonly tallies: Tallies } | undefined {
  const readUpTo = new Map(reader.readUpTo)
  for (const { threadId, position } of receipts) readUpTo.set(threadId, Math.max(position, readUpTo.get(threadId) ?? 0))
  const after: Reader = { ...reader, readUpTo }
  const left = new Map(tallies)
  for (const threadId of tallies.keys()) {
    const readTo = threadReadUpTo(after, threadId)
    if (readTo === threadReadUpTo(reader, threadId)) continue
    if (readTo < upTo) return undefined
    left.delete(threadId)
  }
  return { reader: after, tallies: left }
}
