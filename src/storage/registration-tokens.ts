import type { Transaction } from './transaction.ts'

/** A token that lets its holder register. Times in milliseconds since 1970. */
export interface RegistrationTokenRow {
  readonly token: string
  /** Null for any number. */
  readonly usesAllowed: number | null
  readonly uses: number
  readonly expiresTs: number | null
  readonly makesAdmin: 0 | 1
}

const columns = `token, uses_allowed AS "usesAllowed", uses, expires_ts AS "expiresTs", makes_admin AS "makesAdmin"`

/** One token. */
export function registrationToken(txn: Transaction, token: string): Promise<RegistrationTokenRow | undefined> {
  return txn.get<RegistrationTokenRow>(`SELECT ${columns} FROM registration_tokens WHERE token = ?`, token)
}

/** The token for the first, administrator, account, if one was made and not used. */
export function firstAdminToken(txn: Transaction): Promise<RegistrationTokenRow | undefined> {
  return txn.get<RegistrationTokenRow>(
    `SELECT ${columns} FROM registration_tokens WHERE makes_admin = 1 AND uses = 0 ORDER BY created_ts LIMIT 1`,
  )
}

/** Keeps a new token; false when there is one of that name. */
export async function insertRegistrationToken(
  txn: Transaction,
  row: Pick<RegistrationTokenRow, 'token' | 'usesAllowed' | 'expiresTs' | 'makesAdmin'> & {
    readonly createdTs: number
  },
): Promise<boolean> {
  const inserted = await txn.run(
    `INSERT INTO registration_tokens (token, uses_allowed, expires_ts, makes_admin, created_ts) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (token) DO NOTHING`,
    row.token,
    row.usesAllowed,
    row.expiresTs,
    row.makesAdmin,
    row.createdTs,
  )
  return inserted === 1
}

/** Counts one more use; false when the token is unknown, used up or expired. */
export async function useRegistrationToken(txn: Transaction, token: string, now: number): Promise<boolean> {
  const used = await txn.run(
    `UPDATE registration_tokens SET uses = uses + 1
     WHERE token = ? AND (uses_allowed IS NULL OR uses < uses_allowed) AND (expires_ts IS NULL OR expires_ts > ?)`,
    token,
    now,
  )
  return used === 1
}
