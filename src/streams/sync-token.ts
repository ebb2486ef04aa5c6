import { MatrixError } from '#protocol/errors.ts'

/** How far a client has read each stream. */
export interface SyncToken {
  readonly events: number
  readonly accountData: number
  readonly receipts: number
  readonly toDevice: number
  readonly deviceLists: number
  readonly typing: number
}

const textCharactersMax = 256
const form = /^s1(?:\.[a-z]\d{1,15})+$/

/** The token's text: a version, then one letter and position for each stream, so that further streams fit in later. */
export function printSyncToken(token: SyncToken): string {
  return (
    `s1.e${token.events}.a${token.accountData}.r${token.receipts}` +
    `.t${token.toDevice}.d${token.deviceLists}.y${token.typing}`
  )
}

/**
 * Reads a token that `printSyncToken` wrote. A stream that the text does not name stands at 0: the token is older than
 * the stream. Throws M_INVALID_PARAM for any other text.
 */
export function parseSyncToken(text: string): SyncToken {
  if (text.length > textCharactersMax || !form.test(text)) throw foreign()
  const positions = new Map<string, number>()
  for (const part of text.split('.').slice(1)) positions.set(part.slice(0, 1), Number(part.slice(1)))
  const events = positions.get('e')
  // No stream of ours ever stood at 0 when a client read it.
  if (events === undefined || events === 0) throw foreign()
  return {
    events,
    accountData: positions.get('a') ?? 0,
    receipts: positions.get('r') ?? 0,
    toDevice: positions.get('t') ?? 0,
    deviceLists: positions.get('d') ?? 0,
    typing: positions.get('y') ?? 0,
  }
}

function foreign(): MatrixError {
  return new MatrixError('M_INVALID_PARAM', 'The sync token is not one of this server: sync again without it.')
}
