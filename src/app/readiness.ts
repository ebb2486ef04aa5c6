import { databaseAnswers } from '#storage/database-answers.ts'
import type { Database } from '#storage/transaction.ts'
import type { Stream } from '#streams/stream.ts'

/** How long the database may take: whoever asks has a time-out too, and is better told. */
const answerMsMax = 3_000
/** A position that is unpublished for longer holds up everybody who syncs; nothing that writes takes so long. */
const unpublishedMsMax = 120_000

/**
 * Why requests are better sent elsewhere, or not yet, in a sentence; undefined when they can be served. Migrations are
 * done before anybody listens, so there is nothing to ask of them.
 */
export async function whyNotReady(house: {
  readonly database: Database
  readonly streams: { readonly all: readonly Pick<Stream, 'name' | 'lag'>[] }
  readonly stopping: () => boolean
}): Promise<string | undefined> {
  if (house.stopping()) return 'The server is stopping.'
  const held = house.streams.all.find(({ lag }) => lag.oldestMs > unpublishedMsMax)
  if (held !== undefined) return `The stream ${held.name} stands still.`
  const answered = house.database
    .runInteraction('check_ready', databaseAnswers, { readOnly: true })
    .then(() => undefined)
    .catch(() => 'The database cannot be reached.')
  const { promise: tooLate, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(() => resolve('The database does not answer in time.'), answerMsMax)
  try {
    return await Promise.race([answered, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
