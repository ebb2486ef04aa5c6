import { explain } from '../failure.ts'
import { checkCertificates } from './certificate-checks.ts'
import { Note, type Check, type Patient } from './check.ts'
import { checkAddress, checkWellKnown } from './client-checks.ts'
import { checkClock } from './clock-check.ts'
import { checkDatabase } from './database-check.ts'
import { checkFederation } from './federation-check.ts'
import { checkConfigFile, checkDatabaseFile, checkFolder, checkKey } from './file-checks.ts'

/** What one check found. */
export interface Finding {
  readonly verdict: 'fine' | 'note' | 'wrong'
  /** For people: what it is and, when it is wrong, what to do. */
  readonly text: string
}

/** In their order: the clock is last, since the others bring clocks to compare it with. */
const checks: readonly Check[] = [
  checkConfigFile,
  checkFolder,
  checkKey,
  checkDatabaseFile,
  checkDatabase,
  checkCertificates,
  checkAddress,
  checkWellKnown,
  checkFederation,
  checkClock,
]

/** Looks at everything, one after another. */
export async function* examine(patient: Patient): AsyncGenerator<Finding> {
  for (const check of checks) {
    try {
      const found = await check(patient)
      yield found instanceof Note ? { verdict: 'note', text: found.text } : { verdict: 'fine', text: found }
    } catch (error) {
      yield { verdict: 'wrong', text: explain(error) ?? String(error) }
    }
  }
}
