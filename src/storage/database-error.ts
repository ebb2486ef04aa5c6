/**
 * What went wrong, the same for both engines:
 * `unique`: a row with this key exists; `in_use`: another process has the database; `newer`: written by a newer
 * program, or another; `closed`: the database has been closed; `usage`: the calling code broke a rule of the gate; `timeout`: it took
 * too long and was ended; `unknown`: the connection was lost during the commit, and nobody can be asked whether it
 * happened; `full`: no space is left on its disk; `damaged`: it is not what was once written; `other`: all else.
 */
export type DatabaseErrorKind =
  'unique' | 'in_use' | 'newer' | 'closed' | 'usage' | 'timeout' | 'unknown' | 'full' | 'damaged' | 'other'

/** An error of the database or of its use. For the log: its message is never shown to a client. */
export class DatabaseError extends Error {
  readonly kind: DatabaseErrorKind

  constructor(kind: DatabaseErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseError'
    this.kind = kind
  }
}

/** Whether `error` says that a row with this primary or unique key exists already. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof DatabaseError && error.kind === 'unique'
}
