/** When people's stays in rooms ended, which says how far those who have left may go on reading. */
export const name = '0013-stay-ends'

export const statements: readonly string[] = [
  // The stream position at which the last stay ended; 0: there was none. Without a meaning while the stay goes on. Null
  // in rows from before this: then the events that the member event replaced, one after the other, tell it.
  `ALTER TABLE memberships ADD COLUMN stay_end INTEGER`,
]
