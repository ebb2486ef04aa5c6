import type { Transaction } from './transaction.ts'

/** A name of a room in this server's directory. */
export interface RoomAliasRow {
  readonly alias: string
  readonly roomNid: number
  /** Who made it. */
  readonly creator: string
  readonly createdTs: number
}

const columns = 'alias, room_nid AS "roomNid", creator, created_ts AS "createdTs"'

/** Writes an alias; gives false when it is taken. */
export async function insertAlias(txn: Transaction, row: RoomAliasRow): Promise<boolean> {
  const inserted = await txn.run(
    `INSERT INTO room_aliases (alias, room_nid, creator, created_ts) VALUES (?, ?, ?, ?) ON CONFLICT (alias) DO NOTHING`,
    row.alias,
    row.roomNid,
    row.creator,
    row.createdTs,
  )
  return inserted === 1
}

/** The alias of this name, or undefined. */
export function aliasByName(txn: Transaction, alias: string): Promise<RoomAliasRow | undefined> {
  return txn.get(`SELECT ${columns} FROM room_aliases WHERE alias = ?`, alias)
}

/** The aliases of a room, oldest first. */
export function aliasesOfRoom(txn: Transaction, roomNid: number): Promise<RoomAliasRow[]> {
  return txn.all(`SELECT ${columns} FROM room_aliases WHERE room_nid = ? ORDER BY created_ts, alias`, roomNid)
}

/** Removes an alias; gives false when it was not there. */
export async function deleteAlias(txn: Transaction, alias: string): Promise<boolean> {
  return (await txn.run('DELETE FROM room_aliases WHERE alias = ?', alias)) === 1
}
