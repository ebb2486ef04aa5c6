import { AccountData } from '#users/account-data.ts'
import { AccountDeactivation } from '#users/account-deactivation.ts'
import { Accounts } from '#users/accounts.ts'
import { Devices } from '#users/devices.ts'
import { FeatureFlags } from '#users/feature-flags.ts'
import { Filters } from '#users/filters.ts'
import { LastSeen } from '#users/last-seen.ts'
import { Login } from '#users/login.ts'
import { NotificationSettings } from '#users/notification-settings.ts'
import { PasswordManagement } from '#users/password-management.ts'
import { Passwords } from '#users/passwords.ts'
import { Profiles } from '#users/profiles.ts'
import { PushRules } from '#users/push-rules.ts'
import { RegistrationTokens } from '#users/registration-tokens.ts'
import { Registration } from '#users/registration.ts'
import { Sessions } from '#users/sessions.ts'
import { SharedSecretRegistration } from '#users/shared-secret-registration.ts'
import { Tags } from '#users/tags.ts'
import { dummyStage, passwordStage, registrationTokenStage } from '#users/ui-auth-stages.ts'
import { UiAuth } from '#users/ui-auth.ts'
import type { Streams } from '#streams/streams.ts'
import type { Ground } from './ground.ts'
import { openKeys, type Keys } from './keys.ts'
import type { StorageFloor } from './storage.ts'

/** People, devices, keys: one member for each capability of users/, named as its file. */
export interface UsersFloor extends Keys {
  readonly accountData: AccountData
  readonly accountDeactivation: AccountDeactivation
  readonly accounts: Accounts
  readonly devices: Devices
  readonly featureFlags: FeatureFlags
  readonly filters: Filters
  readonly lastSeen: LastSeen
  readonly login: Login
  readonly notificationSettings: NotificationSettings
  readonly passwordManagement: PasswordManagement
  readonly profiles: Profiles
  readonly pushRules: PushRules
  readonly registration: Registration
  readonly registrationTokens: RegistrationTokens
  readonly sessions: Sessions
  readonly sharedSecretRegistration: SharedSecretRegistration
  readonly tags: Tags
  readonly uiAuth: UiAuth
}

/** Builds the capabilities of users/, each from what it names. */
export function openUsers(below: Ground & StorageFloor & { readonly streams: Streams }): UsersFloor {
  const { config, clock } = below
  const accounts = new Accounts({ ...below, passwords: new Passwords() })
  const sessions = new Sessions(below)
  const lastSeen = new LastSeen(below)
  const registrationTokens = new RegistrationTokens(below)
  const { mode, sharedSecret: secret } = config.registration
  const registration = new Registration({ ...below, accounts, sessions, tokens: registrationTokens, mode })
  const stages = [dummyStage, passwordStage(accounts, clock), registrationTokenStage(registrationTokens)]
  const accountData = new AccountData(below)
  const profiles = new Profiles(below)
  const keys = openKeys(below)
  const devices = new Devices({ ...below, ...keys, sessions, lastSeen })
  devices.watch(keys.deviceKeys)
  return {
    ...keys,
    accountData,
    accountDeactivation: new AccountDeactivation({ accounts, accountData, devices, profiles }),
    accounts,
    devices,
    featureFlags: new FeatureFlags(below),
    filters: new Filters(below),
    lastSeen,
    login: new Login({ ...below, accounts, sessions }),
    notificationSettings: new NotificationSettings(below),
    passwordManagement: new PasswordManagement({ accounts, devices }),
    profiles,
    pushRules: new PushRules({ ...below, accountData }),
    registration,
    registrationTokens,
    sessions,
    sharedSecretRegistration: new SharedSecretRegistration({ registration, clock, secret }),
    tags: new Tags({ accountData }),
    uiAuth: new UiAuth({ clock, stages }),
  }
}
