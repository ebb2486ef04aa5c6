import type { Static } from 'typebox'
import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseRoomId } from '#protocol/identifiers.ts'
import type { PurgeJob, PurgeJobs, RoomDeletion } from '#rooms/purge-jobs.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

const params = Type.Object({ roomId: Type.String() })
const body = Type.Object({
  new_room_user_id: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  block: Type.Optional(Type.Boolean()),
  purge: Type.Optional(Type.Boolean()),
  force_purge: Type.Optional(Type.Boolean()),
})
const statuses = { emptying: 'shutting_down', purging: 'purging', complete: 'complete', failed: 'failed' } as const

/** Deleting whole rooms. */
export function deleteRoomRoutes({ purgeJobs }: { readonly purgeJobs: PurgeJobs }): Route<Requester>[] {
  return [
    // DELETE /_synapse/admin/v2/rooms/{roomId} https://element-hq.github.io/synapse/latest/admin_api/rooms.html#version-2-new-version
    route({
      method: 'DELETE',
      path: '/_synapse/admin/v2/rooms/{roomId}',
      auth: 'admin',
      params,
      body,
      handler: async ({ params: { roomId }, body: given }) => ({
        delete_id: await purgeJobs.deleteRoom(parseRoomId(roomId), deletionOf(given)),
      }),
    }),

    // DELETE /_synapse/admin/v1/rooms/{roomId} https://element-hq.github.io/synapse/latest/admin_api/rooms.html#version-1-old-version
    route({
      method: 'DELETE',
      path: '/_synapse/admin/v1/rooms/{roomId}',
      auth: 'admin',
      params,
      body,
      handler: async ({ params: { roomId }, body: given }) => {
        const job = await purgeJobs.deleteRoomNow(parseRoomId(roomId), deletionOf(given))
        if (job?.status !== 'complete') throw new MatrixError('M_UNKNOWN', job?.error ?? 'The room was not deleted.')
        return shutdownOf(job)
      },
    }),

    // GET /_synapse/admin/v2/rooms/{roomId}/delete_status https://element-hq.github.io/synapse/latest/admin_api/rooms.html#status-of-deleting-rooms
    route({
      method: 'GET',
      path: '/_synapse/admin/v2/rooms/{roomId}/delete_status',
      auth: 'admin',
      params,
      handler: async ({ params: { roomId } }) => {
        const jobs = purgeJobs.deletionsOf(parseRoomId(roomId))
        if (jobs.length === 0) throw new MatrixError('M_NOT_FOUND', 'Nothing is known of a deletion of this room.')
        return { results: jobs.map(statusOf) }
      },
    }),

    // GET /_synapse/admin/v2/rooms/delete_status/{deleteId} https://element-hq.github.io/synapse/latest/admin_api/rooms.html#query-by-delete_id
    route({
      method: 'GET',
      path: '/_synapse/admin/v2/rooms/delete_status/{deleteId}',
      auth: 'admin',
      params: Type.Object({ deleteId: Type.String() }),
      handler: async ({ params: { deleteId } }) => {
        const job = purgeJobs.job(deleteId)
        if (job?.kind !== 'room') throw new MatrixError('M_NOT_FOUND', 'Nothing is known of such a deletion.')
        return statusOf(job)
      },
    }),
  ]
}

/** What is asked for and cannot be done is refused: half of it would not be what the administrator wants. */
function deletionOf(given: Static<typeof body>): RoomDeletion {
  if (given.block === true) throw new MatrixError('M_INVALID_PARAM', 'Rooms cannot be blocked here: leave out block.')
  if (given.new_room_user_id !== undefined)
    throw new MatrixError('M_INVALID_PARAM', 'No room is made in its place here: leave out new_room_user_id.')
  const { message: reason, purge = true, force_purge: force = false } = given
  return { reason, purge, force }
}

function shutdownOf(job: PurgeJob): object {
  return {
    kicked_users: job.removed,
    failed_to_kick_users: job.notRemoved,
    local_aliases: job.aliases,
    new_room_id: null,
  }
}

function statusOf(job: PurgeJob): object {
  return {
    delete_id: job.id,
    room_id: job.roomId,
    status: statuses[job.status],
    shutdown_room: shutdownOf(job),
    ...(job.error === undefined ? {} : { error: job.error }),
  }
}
