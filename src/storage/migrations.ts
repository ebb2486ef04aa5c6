import { sha256Base64 } from '#protocol/crypto.ts'

import * as rooms from './migrations/0001-rooms.ts'
import * as accounts from './migrations/0002-accounts.ts'
import * as keys from './migrations/0003-keys.ts'
import * as serverFacts from './migrations/0009-server-facts.ts'
import * as userFlags from './migrations/0010-user-flags.ts'
import * as backgroundMigrations from './migrations/0012-background-migrations.ts'
import * as stayEnds from './migrations/0013-stay-ends.ts'
import * as unreadCounts from './migrations/0014-unread-counts.ts'
import * as threads from './migrations/0015-threads.ts'
import * as endsInPlace from './migrations/0016-ends-in-place.ts'
import * as roomSummaries from './migrations/0017-room-summaries.ts'
import * as authChains from './migrations/0018-auth-chains.ts'
import * as relationSenders from './migrations/0021-relation-senders.ts'
import * as relationsInTurn from './migrations/0022-relations-in-turn.ts'

/** One step of the database's form. Never changed once released: a correction is a further migration. */
export interface Migration {
  /** `NNNN-what`, the name of its file. */
  readonly name: string
  /** Portable statements, see `transaction.ts`; run in one transaction. */
  readonly statements: readonly string[]
  /** True when rows that are there already are seen to later, by a `BackgroundMigration` of the same name. */
  readonly hasBackground?: true
}

/** Every migration, in the order in which they are applied. */
export const migrations: readonly Migration[] = [
  rooms,
  accounts,
  keys,
  serverFacts,
  userFlags,
  backgroundMigrations,
  stayEnds,
  unreadCounts,
  threads,
  endsInPlace,
  roomSummaries,
  authChains,
  relationSenders,
  relationsInTurn,
]

/** What a migration does, as 43 characters: the same for the same statements, however they are indented. */
export function migrationChecksum(migration: Migration): string {
  return sha256Base64(migration.statements.map((statement) => statement.replaceAll(/\s+/g, ' ').trim()).join(';\n'))
}
