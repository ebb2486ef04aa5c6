import { isUserId, type UserId } from '#protocol/identifiers.ts'
import type { MembersSummary, RoomSummary } from '#rooms/room-summary.ts'
import type { RoomChanges } from '../room-changes.ts'
import type { RoomView, SyncContext } from '../sync-context.ts'

/**
 * How many members rooms have and after whom to call them, where the client has nothing yet or memberships changed. No
 * query when there is no such room, two otherwise. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
 */
export async function readSummaries(
  roomSummary: RoomSummary,
  context: SyncContext,
  views: readonly RoomView[],
  changes: RoomChanges,
): Promise<ReadonlyMap<number, MembersSummary>> {
  const owed = views.filter((view) => view.state === 'whole' || changes.members.has(view.room.roomNid))
  return roomSummary.members(
    context.request.requester.userId,
    owed.map((view) => view.room.roomNid),
  )
}

/** The users after whom each room is called. */
export function heroesOf(summaries: ReadonlyMap<number, MembersSummary>): ReadonlyMap<number, readonly UserId[]> {
  const heroes = new Map<number, readonly UserId[]>()
  for (const [roomNid, summary] of summaries) {
    const userIds = summary.heroes.map((hero) => hero.userId)
    heroes.set(
      roomNid,
      userIds.filter((userId) => isUserId(userId)),
    )
  }
  return heroes
}

/** The `summary` member of a room. */
export function summaryText(summary: MembersSummary): string {
  return JSON.stringify({
    'm.heroes': summary.heroes.map((hero) => hero.userId),
    'm.joined_member_count': summary.joined,
    'm.invited_member_count': summary.invited,
  })
}
