import type { ToDevice } from '#users/to-device.ts'
import type { SyncContext } from '../sync-context.ts'

/** Messages to a device in one answer; the rest comes with the next. */
const toDeviceEventsMax = 100

/** What waits for a device, as JSON texts, and how far that reaches in its stream: the client goes on from there. */
export type WaitingMessages = Awaited<ReturnType<ToDevice['since']>>

/**
 * The messages sent to the requester's device. No query when nothing came.
 * https://spec.matrix.org/v1.19/client-server-api/#extensions-to-sync
 */
export function readToDevice(toDevice: ToDevice, context: SyncContext): Promise<WaitingMessages> {
  const { userId, deviceId } = context.request.requester
  const range = { from: context.from?.toDevice ?? 0, to: context.upTo.toDevice, limit: toDeviceEventsMax }
  return toDevice.since(userId, deviceId, range)
}
