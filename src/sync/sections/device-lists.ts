import { isUserId, type UserId } from '#protocol/identifiers.ts'
import type { Memberships } from '#rooms/memberships.ts'
import type { Streams } from '#streams/streams.ts'
import type { DeviceLists } from '#users/device-lists.ts'
import type { MemberChange } from '../room-changes.ts'
import { isNew, type SyncContext } from '../sync-context.ts'

export interface DeviceListSources {
  readonly deviceLists: DeviceLists
  readonly memberships: Memberships
  readonly streams: Streams
}

/** Whose device lists the client must fetch anew, and whose it need not follow any longer. */
export interface DeviceListChanges {
  readonly changed: readonly UserId[]
  readonly left: readonly UserId[]
}

const nothing: DeviceListChanges = { changed: [], left: [] }

/**
 * Among those who share a room with the requester: who has other keys than before, and who newly shares one; and who
 * shares none any more. A first sync says nothing: the client has yet to fetch every list. No query when neither keys
 * nor memberships changed. `members`: the changes of membership in the requester's rooms.
 * https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user
 */
export async function readDeviceLists(
  sources: DeviceListSources,
  context: SyncContext,
  members: readonly MemberChange[],
): Promise<DeviceListChanges> {
  const { from, upTo } = context
  if (from === undefined) return nothing
  const { userId } = context.request.requester
  const published = await readPublished(sources, userId, { after: from.deviceLists, upTo: upTo.deviceLists })
  const came = new Set<UserId>()
  const went = new Set<UserId>()
  for (const change of members) {
    if (change.userId === userId || !isUserId(change.userId)) continue
    if (change.after === 'join' && change.before !== 'join') came.add(change.userId)
    if (change.after !== 'join' && change.before === 'join') went.add(change.userId)
  }
  const entered = context.joined.filter(isNew).map((view) => view.room.roomNid)
  const departed = context.left.filter((view) => view.state !== 'none').map((view) => view.room.roomNid)
  for (const member of await sources.memberships.joinedUsersOf(entered)) came.add(member)
  for (const member of await sources.memberships.joinedUsersOf(departed)) went.add(member)
  came.delete(userId)
  if (published.others.length === 0 && came.size === 0 && went.size === 0) return { changed: published.own, left: [] }

  const sharing = await sources.memberships.sharingUsers(userId)
  const changed = new Set<UserId>(published.own)
  for (const other of [...published.others, ...came]) if (sharing.has(other)) changed.add(other)
  return { changed: [...changed], left: [...went].filter((other) => other !== userId && !sharing.has(other)) }
}

/** Whose keys changed, of all users (`others`) and to the requester alone (`own`: they signed them). */
async function readPublished(
  sources: DeviceListSources,
  userId: UserId,
  range: { readonly after: number; readonly upTo: number },
): Promise<{ readonly others: readonly UserId[]; readonly own: readonly UserId[] }> {
  const { deviceLists, streams } = sources
  if (range.after >= range.upTo || !streams.deviceLists.userChangedSince(userId, range.after))
    return { others: [], own: [] }
  return {
    others: await deviceLists.changedUsersSince(range.after, range.upTo),
    own: await deviceLists.signedUsersSince(userId, range.after, range.upTo),
  }
}
