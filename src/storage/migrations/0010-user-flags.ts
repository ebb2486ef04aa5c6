export const name = '0010-user-flags'

/** A row is a feature that an administrator has switched for one user. `enabled` is 0 or 1. */
export const statements = [
  `CREATE TABLE user_flags (
    user_id TEXT NOT NULL,
    flag TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    PRIMARY KEY (user_id, flag)
  ) WITHOUT ROWID`,
]
