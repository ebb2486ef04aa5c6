import * as rooms from './migrations/0001-rooms.ts'
import * as accounts from './migrations/0002-accounts.ts'
import * as keys from './migrations/0003-keys.ts'
import * as serverFacts from './migrations/0009-server-facts.ts'
import * as userFlags from './migrations/0010-user-flags.ts'

/** One step of the database's form. Never changed once released: a correction is a further migration. */
export interface Migration {
  /** `NNNN-what`, the name of its file. */
  readonly name: string
  /** Portable statements, see `transaction.ts`; run in one transaction. */
  readonly statements: readonly string[]
}

/** Every migration, in the order in which they are applied. */
export const migrations: readonly Migration[] = [rooms, accounts, keys, serverFacts, userFlags]
