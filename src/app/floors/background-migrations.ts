import { authChainsBackfill } from '#rooms/auth-chains.ts'
import type { BackgroundMigration } from '#storage/background-migrations.ts'

/** What every migration with a background part does there, in the order of their numbers. */
export const backgroundSteps: readonly BackgroundMigration[] = [authChainsBackfill]
