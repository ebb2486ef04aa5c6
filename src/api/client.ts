import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import { accountDataRoutes } from './client/account-data.ts'
import { accountDeactivationRoutes } from './client/account_deactivation.ts'
import { administrativeContactRoutes } from './client/administrative_contact.ts'
import { capabilitiesRoutes } from './client/capabilities.ts'
import { crossSigningRoutes } from './client/cross_signing.ts'
import { deviceManagementRoutes } from './client/device_management.ts'
import { filterRoutes } from './client/filter.ts'
import { keyBackupRoutes } from './client/key_backup.ts'
import { keysRoutes } from './client/keys.ts'
import { loginRoutes } from './client/login.ts'
import { logoutRoutes } from './client/logout.ts'
import { passwordManagementRoutes } from './client/password_management.ts'
import { profileRoutes } from './client/profile.ts'
import { pushrulesRoutes } from './client/pushrules.ts'
import { refreshRoutes } from './client/refresh.ts'
import { registrationRoutes } from './client/registration.ts'
import { registrationTokensRoutes } from './client/registration_tokens.ts'
import { tagsRoutes } from './client/tags.ts'
import { toDeviceRoutes } from './client/to_device.ts'
import { versionsRoutes } from './client/versions.ts'
import { voipRoutes } from './client/voip.ts'
import { wellknownRoutes } from './client/wellknown.ts'
import { whoamiRoutes } from './client/whoami.ts'

/** Every door of the client-server API, one line a file, in the order of the alphabet. */
const doors = [
  accountDataRoutes,
  accountDeactivationRoutes,
  administrativeContactRoutes,
  capabilitiesRoutes,
  crossSigningRoutes,
  deviceManagementRoutes,
  filterRoutes,
  keyBackupRoutes,
  keysRoutes,
  loginRoutes,
  logoutRoutes,
  passwordManagementRoutes,
  profileRoutes,
  pushrulesRoutes,
  refreshRoutes,
  registrationRoutes,
  registrationTokensRoutes,
  tagsRoutes,
  toDeviceRoutes,
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
