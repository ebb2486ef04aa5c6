import { parseFilter } from '#protocol/filters.ts'
import { parseSyncToken } from '#streams/sync-token.ts'
import type { Requester } from '#users/requester.ts'
import { IgnoredUsers } from '#users/ignored-users.ts'
import { readContext, type ContextSources } from './read-context.ts'
import { readChanges } from './room-changes.ts'
import { readDeviceLists, type DeviceListChanges, type DeviceListSources } from './sections/device-lists.ts'

const everything = parseFilter({})

/** Whose keys a client has to fetch anew after it was away: the column `device_lists` of a sync, alone. */
export class KeyChanges {
  readonly #sources: DeviceListSources & ContextSources

  constructor(deps: DeviceListSources & Omit<ContextSources, 'ignoredUsers'>) {
    this.#sources = { ...deps, ignoredUsers: new IgnoredUsers(deps) }
  }

  /**
   * What changed from one `next_batch` to now: `to` is the hint that the specification makes of it, since naming a user
   * once too often does no harm. Throws M_INVALID_PARAM for a token that is not one of ours.
   * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges
   */
  async between(
    requester: Requester,
    tokens: { readonly from: string; readonly to: string },
    signal: AbortSignal,
  ): Promise<DeviceListChanges> {
    const from = parseSyncToken(tokens.from)
    parseSyncToken(tokens.to)
    const request = {
      requester,
      since: tokens.from,
      timeoutMs: 0,
      fullState: false,
      stateAfter: undefined,
      filter: everything,
      signal,
    }
    const context = await readContext(this.#sources, request, from)
    const views = [...context.joined, ...context.left]
    const changes = await readChanges(this.#sources.roomStates, views, new Map())
    return readDeviceLists(this.#sources, context, [...changes.members.values()].flat())
  }
}
