import { isUserId } from '../identifiers.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { creatorsOf, namedLevelDefaults, readLevel, readLevels, type NamedLevel } from '../power-levels.ts'
import type { RoomVersionRules } from '../room-versions.ts'
import { allowed, rejected, type AuthContext, type Verdict } from './context.ts'
import { ruleNumbers } from './numbers.ts'

const namedLevels = Object.keys(namedLevelDefaults) as readonly NamedLevel[]

/**
 * Rule 10: who may change power levels, and to what. Numbered as in version 12; versions 10 and 11 lack rule 10.4, and
 * older ones rules 10.1 and 10.2 as well. Time: linear in the entries of both events.
 * https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export function checkPowerLevels(context: AuthContext): Verdict {
  const { event, state, rules } = context
  const misshapen = checkShape(context)
  if (misshapen !== undefined) return misshapen
  // Rule 10.5. The first power levels may be anything.
  const current = state('m.room.power_levels', '')
  if (current === undefined) return allowed

  const before = current.content
  const after = event.content
  const maps = rules.notificationLevels ? ['events', 'notifications'] : ['events']
  return (
    checkNamed(context, before, after) ??
    checkOldEntries(context, maps, before, after) ??
    checkNewEntries(context, maps, before, after) ??
    checkUsers(context, before, after) ??
    // Rule 10.11 (which version 12 calls 10.10, for the second time).
    allowed
  )
}

/** How many rules version 12 has before those that all versions share. */
function partNumber(rules: RoomVersionRules, part: number): string {
  const lacking =
    rules.levelsWritten !== 'integers' ? (part <= 3 ? 2 : 3) : rules.creatorsAbovePower || part <= 3 ? 0 : 1
  return `${ruleNumbers(rules).powerLevels}.${part - lacking}`
}

function checkShape(context: AuthContext): Verdict | undefined {
  const { event, rules, create } = context
  const { content } = event
  if (rules.levelsWritten === 'integers') {
    // Rule 10.1, from version 10. Levels are integers.
    for (const name of namedLevels) {
      if (content[name] !== undefined && readLevel(content[name], rules) === undefined) {
        return rejected(partNumber(rules, 1), `${name} is not an integer`)
      }
    }
    // Rule 10.2, from version 10. So are those of events and notifications.
    for (const name of ['events', 'notifications']) {
      if (content[name] !== undefined && !isMapOfLevels(content[name], rules)) {
        return rejected(partNumber(rules, 2), `${name} is not an object of integers`)
      }
    }
  }
  // Rule 10.3. Users are users, and their levels can be read.
  const { users } = content
  if (users === undefined) return undefined
  if (!isMapOfLevels(users, rules) || !Object.keys(users).every(isUserId)) {
    return rejected(partNumber(rules, 3), 'users is not an object of user ids and levels')
  }
  // Rule 10.4, from version 12. Creators have no level, since they stand above all.
  if (rules.creatorsAbovePower) {
    for (const creator of creatorsOf(create, rules)) {
      if (Object.hasOwn(users, creator)) return rejected(partNumber(rules, 4), 'users names a creator of the room')
    }
  }
  return undefined
}

function isMapOfLevels(value: JsonValue | undefined, rules: RoomVersionRules): value is JsonObject {
  return isJsonObject(value) && Object.keys(value).every((key) => readLevel(value[key], rules) !== undefined)
}

/** Rule 10.6. Levels that stand by themselves: neither what goes nor what comes is above the sender. */
function checkNamed(context: AuthContext, before: JsonObject, after: JsonObject): Verdict | undefined {
  const { event, levels, rules } = context
  const senderLevel = levels.user(event.sender)
  for (const name of namedLevels) {
    const old = readLevel(before[name], rules)
    const fresh = readLevel(after[name], rules)
    // Older versions do not demand that these can be read; what cannot be is not let in once there are power levels.
    if (after[name] !== undefined && fresh === undefined) {
      return rejected(`${partNumber(rules, 6)}.2`, `${name} is not a level`)
    }
    if (old === fresh) continue
    // Rule 10.6.1.
    if (old !== undefined && old > senderLevel) {
      return rejected(`${partNumber(rules, 6)}.1`, `${name} is above the sender`)
    }
    // Rule 10.6.2.
    if (fresh !== undefined && fresh > senderLevel) {
      return rejected(`${partNumber(rules, 6)}.2`, `${name} would be above the sender`)
    }
  }
  return undefined
}

type Entries = readonly string[]

/** Rule 10.7. Of events and notifications, no entry above the sender is changed or removed. */
function checkOldEntries(
  context: AuthContext,
  maps: Entries,
  before: JsonObject,
  after: JsonObject,
): Verdict | undefined {
  const { event, levels, rules } = context
  const senderLevel = levels.user(event.sender)
  for (const map of maps) {
    const fresh = readLevels(after[map], rules)
    for (const [key, level] of readLevels(before[map], rules)) {
      if (fresh.get(key) !== level && level > senderLevel) {
        return rejected(`${partNumber(rules, 7)}.1`, `an entry of ${map} is above the sender`)
      }
    }
  }
  return undefined
}

/** Rule 10.8. Of events and notifications, no entry that is new or changed gets above the sender. */
function checkNewEntries(
  context: AuthContext,
  maps: Entries,
  before: JsonObject,
  after: JsonObject,
): Verdict | undefined {
  const { event, levels, rules } = context
  const senderLevel = levels.user(event.sender)
  for (const map of maps) {
    const old = readLevels(before[map], rules)
    const written = after[map]
    if (written !== undefined && !isMapOfLevels(written, rules)) {
      return rejected(`${partNumber(rules, 8)}.1`, `${map} is not an object of levels`)
    }
    for (const [key, level] of readLevels(written, rules)) {
      if (old.get(key) !== level && level > senderLevel) {
        return rejected(`${partNumber(rules, 8)}.1`, `an entry of ${map} would be above the sender`)
      }
    }
  }
  return undefined
}

/** Rules 10.9 and 10.10. Users. */
function checkUsers(context: AuthContext, before: JsonObject, after: JsonObject): Verdict | undefined {
  const { event, levels, rules } = context
  const senderLevel = levels.user(event.sender)
  const old = readLevels(before['users'], rules)
  const fresh = readLevels(after['users'], rules)
  // Rule 10.9. No level but the sender's own is taken from somebody who is not below the sender.
  for (const [userId, level] of old) {
    if (userId !== event.sender && fresh.get(userId) !== level && level >= senderLevel) {
      return rejected(`${partNumber(rules, 9)}.1`, 'the level of a user who is not below the sender would change')
    }
  }
  // Rule 10.10. Nobody gets above the sender.
  for (const [userId, level] of fresh) {
    if (old.get(userId) !== level && level > senderLevel) {
      return rejected(`${partNumber(rules, 10)}.1`, 'a user would get above the sender')
    }
  }
  return undefined
}
