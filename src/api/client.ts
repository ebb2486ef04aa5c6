import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import { accountDataRoutes } from './client/account-data.ts'
import { accountDeactivationRoutes } from './client/account_deactivation.ts'
import { administrativeContactRoutes } from './client/administrative_contact.ts'
import { banningRoutes } from './client/banning.ts'
import { capabilitiesRoutes } from './client/capabilities.ts'
import { createRoomRoutes } from './client/create_room.ts'
import { crossSigningRoutes } from './client/cross_signing.ts'
import { deviceManagementRoutes } from './client/device_management.ts'
import { directoryRoutes } from './client/directory.ts'
import { eventContextRoutes } from './client/event_context.ts'
import { filterRoutes } from './client/filter.ts'
import { invitingRoutes } from './client/inviting.ts'
import { joiningRoutes } from './client/joining.ts'
import { keyBackupRoutes } from './client/key_backup.ts'
import { keysRoutes } from './client/keys.ts'
import { kickingRoutes } from './client/kicking.ts'
import { knockingRoutes } from './client/knocking.ts'
import { leavingRoutes } from './client/leaving.ts'
import { listJoinedRoomsRoutes } from './client/list_joined_rooms.ts'
import { loginRoutes } from './client/login.ts'
import { logoutRoutes } from './client/logout.ts'
import { messagePaginationRoutes } from './client/message_pagination.ts'
import { passwordManagementRoutes } from './client/password_management.ts'
import { profileRoutes } from './client/profile.ts'
import { pushrulesRoutes } from './client/pushrules.ts'
import { readMarkersRoutes } from './client/read_markers.ts'
import { receiptsRoutes } from './client/receipts.ts'
import { redactionRoutes } from './client/redaction.ts'
import { refreshRoutes } from './client/refresh.ts'
import { registrationRoutes } from './client/registration.ts'
import { registrationTokensRoutes } from './client/registration_tokens.ts'
import { relationsRoutes } from './client/relations.ts'
import { roomSendRoutes } from './client/room_send.ts'
import { roomStateRoutes } from './client/room_state.ts'
import { roomsRoutes } from './client/rooms.ts'
import { syncRoutes } from './client/sync.ts'
import { tagsRoutes } from './client/tags.ts'
import { threadsListRoutes } from './client/threads_list.ts'
import { toDeviceRoutes } from './client/to_device.ts'
import { typingRoutes } from './client/typing.ts'
import { versionsRoutes } from './client/versions.ts'
import { voipRoutes } from './client/voip.ts'
import { wellknownRoutes } from './client/wellknown.ts'
import { whoamiRoutes } from './client/whoami.ts'

/** Every door of the client-server API, one line a file, in the order of the alphabet. */
const doors = [
  accountDataRoutes,
  accountDeactivationRoutes,
  administrativeContactRoutes,
  banningRoutes,
  capabilitiesRoutes,
  createRoomRoutes,
  crossSigningRoutes,
  deviceManagementRoutes,
  directoryRoutes,
  eventContextRoutes,
  filterRoutes,
  invitingRoutes,
  joiningRoutes,
  keyBackupRoutes,
  keysRoutes,
  kickingRoutes,
  knockingRoutes,
  leavingRoutes,
  listJoinedRoomsRoutes,
  loginRoutes,
  logoutRoutes,
  messagePaginationRoutes,
  passwordManagementRoutes,
  profileRoutes,
  pushrulesRoutes,
  readMarkersRoutes,
  receiptsRoutes,
  redactionRoutes,
  refreshRoutes,
  registrationRoutes,
  registrationTokensRoutes,
  relationsRoutes,
  roomSendRoutes,
  roomsRoutes,
  roomStateRoutes,
  syncRoutes,
  tagsRoutes,
  threadsListRoutes,
  toDeviceRoutes,
  typingRoutes,
  versionsRoutes,
  voipRoutes,
  wellknownRoutes,
  whoamiRoutes,
] as const

type AllOf<Union> = (Union extends unknown ? (value: Union) => void : never) extends (value: infer All) => void
  ? All
  : never

/** What all doors together name; each is typed to see only its own part. */
export type ClientDeps = AllOf<Exclude<Parameters<(typeof doors)[number]>[0], undefined>>

/** The endpoints of the client-server API. */
export function clientRoutes(deps: ClientDeps): Route<Requester>[] {
  return doors.flatMap((door) => door(deps))
}
