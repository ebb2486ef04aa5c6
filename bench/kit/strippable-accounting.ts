/**
 * Loaded into a server before its program (`node --import`): lets its accounting for interactions be taken out and put
 * back while it runs, by SIGUSR2. Both ways so share one process, its compiled code and its database.
 */
import { registerHooks } from 'node:module'

import {
  type InteractionAccount,
  InteractionAccounting as WholeAccounting,
} from '#storage/engines/interaction-account.ts'

const original = import.meta.resolve('#storage/engines/interaction-account.ts')
let stripped = false

/** What the server makes in place of the original. While it is stripped it opens no accounts, as if there were none of it. */
export class InteractionAccounting extends WholeAccounting {
  override open(name: string): InteractionAccount {
    // The engines can do without: they may be given no accounting at all, and ask at each step.
    return stripped ? (undefined as unknown as InteractionAccount) : super.open(name)
  }
}

process.on('SIGUSR2', () => {
  stripped = !stripped
})

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    const found = nextResolve(specifier, context)
    return found.url === original ? { ...found, url: import.meta.url } : found
  },
})
