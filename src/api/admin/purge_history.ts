import type { Static } from 'typebox'
import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseEventId, parseRoomId } from '#protocol/identifiers.ts'
import type { PurgeJobs } from '#rooms/purge-jobs.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

const path = '/_synapse/admin/v1/purge_history/{roomId}'
const body = Type.Object({
  delete_local_events: Type.Optional(Type.Boolean()),
  purge_up_to_event_id: Type.Optional(Type.String()),
  purge_up_to_ts: Type.Optional(Type.Integer()),
})

/** Deleting what is old in a room. */
export function purgeHistoryRoutes({ purgeJobs }: { readonly purgeJobs: PurgeJobs }): Route<Requester>[] {
  const begin = async (roomId: string, upTo: string | undefined, given: Static<typeof body>): Promise<object> => {
    // Our users' events go with those of others: whoever wants to keep them must not lose them unasked.
    if (given.delete_local_events !== true)
      throw new MatrixError('M_INVALID_PARAM', 'A purge deletes what local users sent too: set delete_local_events.')
    const eventId = upTo ?? given.purge_up_to_event_id
    const ts = given.purge_up_to_ts
    if (eventId === undefined && ts === undefined)
      throw new MatrixError('M_MISSING_PARAM', 'Say up to where: purge_up_to_event_id or purge_up_to_ts.')
    const before = eventId === undefined ? { ts: ts ?? 0 } : { eventId: parseEventId(eventId) }
    return { purge_id: await purgeJobs.purgeHistory(parseRoomId(roomId), before) }
  }
  return [
    // POST /_synapse/admin/v1/purge_history/{roomId} https://element-hq.github.io/synapse/latest/admin_api/purge_history_api.html
    route({
      method: 'POST',
      path,
      auth: 'admin',
      params: Type.Object({ roomId: Type.String() }),
      body,
      handler: ({ params, body: given }) => begin(params.roomId, undefined, given),
    }),

    // POST /_synapse/admin/v1/purge_history/{roomId}/{eventId} https://element-hq.github.io/synapse/latest/admin_api/purge_history_api.html
    route({
      method: 'POST',
      path: `${path}/{eventId}`,
      auth: 'admin',
      params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
      body,
      handler: ({ params, body: given }) => begin(params.roomId, params.eventId, given),
    }),

    // GET /_synapse/admin/v1/purge_history_status/{purgeId} https://element-hq.github.io/synapse/latest/admin_api/purge_history_api.html#purge-status-query
    route({
      method: 'GET',
      path: '/_synapse/admin/v1/purge_history_status/{purgeId}',
      auth: 'admin',
      params: Type.Object({ purgeId: Type.String() }),
      handler: async ({ params }) => {
        const job = purgeJobs.job(params.purgeId)
        if (job === undefined) throw new MatrixError('M_NOT_FOUND', 'Nothing is known of such a purge.')
        const status = job.status === 'complete' || job.status === 'failed' ? job.status : 'active'
        return { status, ...(job.error === undefined ? {} : { error: job.error }) }
      },
    }),
  ]
}
