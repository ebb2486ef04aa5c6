import { LruCache } from '#base/lru-cache.ts'
import { parseFilter, type Filter } from '#protocol/filters.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { parseJsonText } from '#protocol/json-text.ts'
import type { Filters } from '#users/filters.ts'

const textsMax = 1_000
const textCharactersMax = 65_536
const depthMax = 16

const everything = parseFilter({})

/** The filters that syncs name: by the id of one that the user keeps here, or whole. */
export class RequestedFilters {
  readonly #filters: Filters
  /** Clients that send a filter whole send the same one with every poll. */
  readonly #texts = new LruCache<string, Filter>(textsMax, 'requested_filters')

  constructor(deps: { readonly filters: Filters }) {
    this.#filters = deps.filters
  }

  /**
   * The filter that `text` names or, when it begins with a brace, is; all of it wanted when undefined. Throws
   * M_INVALID_PARAM naming the field that is wrong, M_NOT_JSON, and M_NOT_FOUND for an id the user has no filter under.
   * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
   */
  async of(userId: UserId, text: string | undefined): Promise<Filter> {
    if (text === undefined || text === '') return everything
    if (!text.startsWith('{')) return this.#filters.get(userId, text)
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    const filter = parseFilter(parseJsonText(text, { depthMax }))
    if (text.length <= textCharactersMax) this.#texts.set(text, filter)
    return filter
  }
}
