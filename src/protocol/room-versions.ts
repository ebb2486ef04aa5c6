/**
 * What differs between room versions. Algorithms read these flags and never compare versions, so that a new version
 * is a new entry in the table below and, where it brings something new, one more flag.
 * https://spec.matrix.org/v1.19/rooms/
 */
export interface RoomVersionRules {
  readonly version: string
  /**
   * Where an event's id comes from: `assigned` by its server (`$opaque:domain`, in the event itself), or its
   * reference hash in standard or in URL-safe Base64.
   */
  readonly eventIds: 'assigned' | 'base64' | 'base64url'
  /** Whether `prev_events` and `auth_events` are pairs of id and hashes, or ids alone. */
  readonly eventReferences: 'pairs' | 'ids'
  /** Events must be canonical JSON: integers only, within 53 bits. Otherwise they are read as well as can be. */
  readonly strictCanonicalJson: boolean
  /** A signing key counts only up to its `valid_until_ts`, seen from the event's own time. */
  readonly keyValidityEnforced: boolean
  readonly stateResolution: 'v1' | 'v2' | 'v2.1'
  /** Which of the five redaction algorithms applies, named by the first room version that has it. */
  readonly redaction: 1 | 6 | 8 | 9 | 11
  /** How the auth rules count: with the rule for aliases (4), without it, or with the rule for the room id (2). */
  readonly ruleNumbers: 'withAliases' | 'plain' | 'withRoomId'
  /** The auth rules let a server set its own `m.room.aliases`. */
  readonly aliasesRule: boolean
  /** The auth rules decide on redactions; otherwise that is decided when a redaction is to be applied. */
  readonly redactionRule: boolean
  /** Changes of `notifications` in power levels are checked like those of `events`. */
  readonly notificationLevels: boolean
  /** How levels may be written. `loose`: also as strings and fractions; `strings`: also as strings. */
  readonly levelsWritten: 'loose' | 'strings' | 'integers'
  readonly knock: boolean
  readonly restricted: boolean
  readonly knockRestricted: boolean
  /** The room's creator is the sender of the create event; before, its `content.creator`. */
  readonly creatorIsSender: boolean
  /** `redacts` stands in the content of a redaction; before, beside it. */
  readonly redactsInContent: boolean
  /** The room id is the create event's id with another sigil; the create event has no `room_id`. */
  readonly roomIdIsCreateId: boolean
  /** Creators, `additional_creators` included, stand above every power level. */
  readonly creatorsAbovePower: boolean
}

const v1: RoomVersionRules = {
  version: '1',
  eventIds: 'assigned',
  eventReferences: 'pairs',
  strictCanonicalJson: false,
  keyValidityEnforced: false,
  stateResolution: 'v1',
  redaction: 1,
  ruleNumbers: 'withAliases',
  aliasesRule: true,
  redactionRule: true,
  notificationLevels: false,
  levelsWritten: 'loose',
  knock: false,
  restricted: false,
  knockRestricted: false,
  creatorIsSender: false,
  redactsInContent: false,
  roomIdIsCreateId: false,
  creatorsAbovePower: false,
}

const v2: RoomVersionRules = { ...v1, version: '2', stateResolution: 'v2' }

const v3: RoomVersionRules = {
  ...v2,
  version: '3',
  eventIds: 'base64',
  eventReferences: 'ids',
  redactionRule: false,
}

const v4: RoomVersionRules = { ...v3, version: '4', eventIds: 'base64url' }

const v5: RoomVersionRules = { ...v4, version: '5', keyValidityEnforced: true }

const v6: RoomVersionRules = {
  ...v5,
  version: '6',
  strictCanonicalJson: true,
  redaction: 6,
  ruleNumbers: 'plain',
  aliasesRule: false,
  notificationLevels: true,
  levelsWritten: 'strings',
}

const v7: RoomVersionRules = { ...v6, version: '7', knock: true }

const v8: RoomVersionRules = { ...v7, version: '8', restricted: true, redaction: 8 }

const v9: RoomVersionRules = { ...v8, version: '9', redaction: 9 }

const v10: RoomVersionRules = { ...v9, version: '10', levelsWritten: 'integers', knockRestricted: true }

const v11: RoomVersionRules = { ...v10, version: '11', redaction: 11, creatorIsSender: true, redactsInContent: true }

const v12: RoomVersionRules = {
  ...v11,
  version: '12',
  stateResolution: 'v2.1',
  ruleNumbers: 'withRoomId',
  roomIdIsCreateId: true,
  creatorsAbovePower: true,
}

const table: ReadonlyMap<string, RoomVersionRules> = new Map(
  [v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12].map((rules) => [rules.version, rules]),
)

/** The version that new rooms have unless asked otherwise. */
export const defaultRoomVersion = '12'

/** All versions known, all of them stable, oldest first. */
export const knownRoomVersions: readonly string[] = [...table.keys()]

/** The rules of a room version, or undefined when it is not known. */
export function roomVersion(version: string): RoomVersionRules | undefined {
  return table.get(version)
}
