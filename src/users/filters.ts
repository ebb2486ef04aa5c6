import { LruCache } from '#base/lru-cache.ts'
import { canonicalJson } from '#protocol/canonical-json.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { Filter } from '#protocol/filters.ts'
import { parseFilter } from '#protocol/filters.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import * as store from '#storage/filters.ts'
import type { Database } from '#storage/transaction.ts'
import { tokenHash } from './tokens.ts'

const filterBytesMax = 65_536
const filtersPerUserMax = 5000
const cachedFiltersMax = 10_000
const idCharacters = 22

/** The filters that clients keep here to name them in a sync. https://spec.matrix.org/v1.19/client-server-api/#filtering */
export class Filters {
  readonly #database: Database
  readonly #cache = new LruCache<string, Filter>(cachedFiltersMax, 'filters')

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database
  }

  /**
   * Keeps a filter and gives its id; the same filter has the same id, so asking again keeps nothing more. Throws
   * what `parseFilter` throws, M_TOO_LARGE, and M_RESOURCE_LIMIT_EXCEEDED.
   */
  async create(userId: UserId, definition: JsonObject): Promise<string> {
    parseFilter(definition)
    const text = canonicalJson(definition, false)
    if (Buffer.byteLength(text) > filterBytesMax)
      throw new MatrixError('M_TOO_LARGE', `A filter has at most ${filterBytesMax} bytes.`)
    const filterId = tokenHash(text).slice(0, idCharacters)
    await this.#database.runInteraction('create_filter', async (txn) => {
      if ((await store.filterDefinition(txn, userId, filterId)) !== undefined) return
      if ((await store.countFilters(txn, userId)) >= filtersPerUserMax)
        throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', `A user has at most ${filtersPerUserMax} filters.`)
      await store.insertFilter(txn, userId, filterId, text)
    })
    return filterId
  }

  /** The JSON text of a filter. Throws M_NOT_FOUND. */
  async definition(userId: UserId, filterId: string): Promise<string> {
    const text = filterId.includes('\0')
      ? undefined
      : await this.#database.runInteraction('get_filter', (txn) => store.filterDefinition(txn, userId, filterId), {
          readOnly: true,
        })
    if (text === undefined) throw new MatrixError('M_NOT_FOUND', 'You have no filter with this id.')
    return text
  }

  /** A filter, ready for use. Throws M_NOT_FOUND. */
  async get(userId: UserId, filterId: string): Promise<Filter> {
    const key = `${userId}\0${filterId}`
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached
    const filter = parseFilter(JSON.parse(await this.definition(userId, filterId)) as JsonObject)
    this.#cache.set(key, filter)
    return filter
  }
}
