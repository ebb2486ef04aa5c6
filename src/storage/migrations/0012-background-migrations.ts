export const name = '0012-background-migrations'

/**
 * A row is a migration with a part that runs while the server serves (`storage/background-migrations.ts`). progress is
 * that migration's own; null before its first step. share_ppm: about how much of it is done, in millionths.
 */
export const statements = [
  `CREATE TABLE background_migrations (
    name TEXT NOT NULL PRIMARY KEY, progress TEXT, share_ppm INTEGER NOT NULL DEFAULT 0, done_ts INTEGER)`,
]
