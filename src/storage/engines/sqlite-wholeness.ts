import { statSync } from 'node:fs'

import { DatabaseError } from '../database-error.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

/** Files up to this size are read through at each start: that takes a tenth of a second. Larger ones: `tessera doctor`. */
const readThroughBytesMax = 64 * 1024 * 1024

/**
 * Looks whether the file just opened is whole: as long as it says, and every page of a small one where it belongs.
 * @throws DatabaseError `damaged` when it is not.
 */
export function requireWhole(path: string, connection: SqliteConnection): void {
  // What a crash has left in the write-ahead log belongs to the file.
  connection.get('PRAGMA wal_checkpoint(TRUNCATE)', [])
  const pages = connection.get('PRAGMA page_count', [])?.['page_count']
  const pageBytes = connection.get('PRAGMA page_size', [])?.['page_size']
  const bytes = statSync(path).size
  if (Number(pages) * Number(pageBytes) > bytes) throw damaged(path, 'its end is missing')
  if (bytes > readThroughBytesMax) return
  const found = connection.get('PRAGMA quick_check(1)', [])?.['quick_check']
  if (found !== 'ok') throw damaged(path, String(found).split('\n').join('; '))
}

/** The error of a file that is no whole database, with what to do. */
export function damaged(path: string, why: string, cause?: unknown): DatabaseError {
  const advice = `Restore a backup of it. To save what is in it, let "sqlite3 ${path} .recover" write it out, with no server running`
  return new DatabaseError('damaged', `the file ${path} is damaged (${why}). ${advice}`, { cause })
}
