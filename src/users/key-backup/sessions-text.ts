import type { BackupSessionRow } from '#storage/key-backup.ts'

/** A stored key as the JSON text of a KeyBackupData. */
export function sessionText(row: BackupSessionRow): string {
  return (
    `{"first_message_index":${row.firstMessageIndex},"forwarded_count":${row.forwardedCount},` +
    `"is_verified":${row.isVerified},"session_data":${row.sessionData}}`
  )
}

/** Keys of one room as the JSON text of a RoomKeyBackup. */
export function roomText(rows: readonly BackupSessionRow[]): string {
  return `{"sessions":{${rows.map((row) => `${JSON.stringify(row.sessionId)}:${sessionText(row)}`).join(',')}}}`
}

/** Keys of several rooms, those of a room side by side, as the JSON text of `{"rooms": {…}}`. */
export function roomsText(rows: readonly BackupSessionRow[]): string {
  const rooms = new Map<string, BackupSessionRow[]>()
  for (const row of rows) {
    const others = rooms.get(row.roomId)
    if (others === undefined) rooms.set(row.roomId, [row])
    else others.push(row)
  }
  return `{"rooms":{${[...rooms].map(([roomId, each]) => `${JSON.stringify(roomId)}:${roomText(each)}`).join(',')}}}`
}
