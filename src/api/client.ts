import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import { crossSigningRoutes } from './client/cross_signing.ts'
import { deviceManagementRoutes } from './client/device_management.ts'
import { keyBackupRoutes } from './client/key_backup.ts'
import { keysRoutes } from './client/keys.ts'
import { loginRoutes } from './client/login.ts'
import { logoutRoutes } from './client/logout.ts'
import { refreshRoutes } from './client/refresh.ts'
import { registrationRoutes } from './client/registration.ts'
import { registrationTokensRoutes } from './client/registration_tokens.ts'
import { toDeviceRoutes } from './client/to_device.ts'
import { versionsRoutes } from './client/versions.ts'
import { wellknownRoutes } from './client/wellknown.ts'
import { whoamiRoutes } from './client/whoami.ts'

/** Every door of the client-server API, one line a file, in the order of the alphabet. */
const doors = [
  crossSigningRoutes,
  deviceManagementRoutes,
  keyBackupRoutes,
  keysRoutes,
  loginRoutes,
  logoutRoutes,
  refreshRoutes,
  registrationRoutes,
  registrationTokensRoutes,
  toDeviceRoutes,
  versionsRoutes,
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
