import type { Event } from '../event.ts'
import { domainOf, isUserId, serverNameOf } from '../identifiers.ts'
import type { JsonValue } from '../json.ts'
import { roomVersion, type RoomVersionRules } from '../room-versions.ts'
import { allowed, rejected, type Verdict } from './context.ts'

/**
 * Rule 1: the event that makes a room.
 * https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export function checkCreate(event: Event, rules: RoomVersionRules): Verdict {
  const { content } = event
  // Rule 1.1. Nothing goes before it.
  if (event.prevEvents.length > 0) return rejected('1.1', 'a create event follows nothing')
  if (rules.roomIdIsCreateId) {
    // Rule 1.2, version 12. It has no room id: it makes it.
    if (event.pdu['room_id'] !== undefined) return rejected('1.2', 'a create event has no room_id')
  } else if (domainOf(event.roomId) !== serverNameOf(event.sender)) {
    // Rule 1.2, until version 11. The room id was given out by the sender's server.
    return rejected('1.2', 'the room id belongs to another server than the sender')
  }
  // Rule 1.3. The room has a version that is known.
  const version = content['room_version']
  if (version !== undefined && (typeof version !== 'string' || roomVersion(version) === undefined)) {
    return rejected('1.3', 'the room version is not known')
  }
  // Rule 1.4, until version 10. It names the creator.
  if (!rules.creatorIsSender && content['creator'] === undefined) return rejected('1.4', 'there is no creator')
  // Rule 1.4, version 12. Additional creators are users.
  if (rules.creatorsAbovePower && content['additional_creators'] !== undefined) {
    const additional = content['additional_creators']
    if (!Array.isArray(additional) || !(additional as readonly JsonValue[]).every(isUserId)) {
      return rejected('1.4', 'additional_creators is not a list of user ids')
    }
  }
  // Rule 1.5.
  return allowed
}
