import type { ReceiptRow } from '#storage/receipts.ts'

/** By event, type and user: the text of what is said about the receipt. */
type Content = Map<string, Map<string, Map<string, string>>>

/**
 * The texts of the `m.receipt` events that tell of receipts of one room. One event can say one thing of a user, type and
 * event: a second receipt for the same, of another thread, goes into a second event.
 * https://spec.matrix.org/v1.19/client-server-api/#mreceipt
 */
export function receiptEvents(rows: readonly ReceiptRow[]): string[] {
  const contents: Content[] = []
  for (const row of rows) {
    const content = contents.find((each) => each.get(row.eventId)?.get(row.receiptType)?.has(row.userId) !== true)
    if (content === undefined) contents.push(withReceipt(new Map(), row))
    else withReceipt(content, row)
  }
  return contents.map((content) => `{"content":${contentText(content)},"type":"m.receipt"}`)
}

function withReceipt(content: Content, row: ReceiptRow): Content {
  const types = content.get(row.eventId) ?? new Map<string, Map<string, string>>()
  const users = types.get(row.receiptType) ?? new Map<string, string>()
  content.set(row.eventId, types.set(row.receiptType, users.set(row.userId, row.data)))
  return content
}

function contentText(content: Content): string {
  return objectText(content, (types) => objectText(types, (users) => objectText(users, (data) => data)))
}

function objectText<T>(members: ReadonlyMap<string, T>, textOf: (value: T) => string): string {
  return '{' + [...members].map(([key, value]) => JSON.stringify(key) + ':' + textOf(value)).join(',') + '}'
}
