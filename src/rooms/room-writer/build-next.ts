import { authEventKeys, checkAuth } from '#protocol/auth-rules.ts'
import { buildEvent } from '#protocol/build-event.ts'
import { unpaddedBase64 } from '#protocol/crypto.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { Event } from '#protocol/event.ts'
import type { EventId, ServerName, UserId } from '#protocol/identifiers.ts'
import { parseUserId, serverNameOf } from '#protocol/identifiers.ts'
import { referenceHash } from '#protocol/hashes.ts'
import { powerLevelsIn, type PowerLevels } from '#protocol/power-levels.ts'
import type { RoomVersionRules } from '#protocol/room-versions.ts'
import type { SigningKey } from '#protocol/signing-keys.ts'
import type { MembershipState } from '../memberships.ts'
import type { BuiltEvent } from '../persist-event.ts'
import type { NewState } from '../room-state/node-path.ts'
import { keepAuthEvent, stateKeyText, type Extremity, type LiveRoom } from './live-room.ts'
import type { ProposedEvent } from './proposed-event.ts'

/** The integer ids that a proposed event needs, found before. */
export interface EventNids {
  readonly eventNid: number
  readonly senderNid: number
  /** The (type, state key) pair, for a state event. */
  readonly keyNid: number | null
  /** The user whose membership it sets, for a member event. */
  readonly targetNid: number | null
  /** A number for the state it makes, for a state event. */
  readonly stateNid: number | null
}

/** Who signs, and when. */
export interface Signer {
  readonly serverName: ServerName
  readonly key: SigningKey
  /** Milliseconds since 1970. */
  readonly now: number
}

/** State events that authorize others stay parsed in the room's memory. */
export function authorizes(type: string): boolean {
  return (
    type === 'm.room.member' ||
    type === 'm.room.power_levels' ||
    type === 'm.room.join_rules' ||
    type === 'm.room.create' ||
    type === 'm.room.third_party_invite'
  )
}

/**
 * Builds the event that comes next in a room: places it in the graph, checks it against the state in memory, hashes
 * and signs it, and moves the room's memory on to it. Synchronous, so that nothing can come between. Everything it
 * looks up is in memory already.
 * @throws MatrixError M_FORBIDDEN when the room's rules do not allow it, M_TOO_LARGE and M_BAD_JSON when it cannot be
 *   an event; the memory is then as before.
 */
export function buildNext(live: LiveRoom, proposed: ProposedEvent, nids: EventNids, signer: Signer): BuiltEvent {
  const { room } = live
  const rules = room.version
  const authEvents: Event[] = []
  for (const [type, stateKey] of authEventKeys(proposed, rules)) {
    const event = live.authEvents.get(stateKeyText(type, stateKey))
    if (event !== undefined) authEvents.push(event)
  }
  const isCreate = proposed.type === 'm.room.create' && live.extremities.length === 0
  const { event, text } = buildEvent(
    {
      type: proposed.type,
      sender: proposed.sender,
      roomId: isCreate && rules.roomIdIsCreateId ? undefined : room.roomId,
      stateKey: proposed.stateKey,
      content: proposed.content,
      redacts: proposed.redacts?.eventId,
      depth: live.extremities.reduce((depth, extremity) => Math.max(depth, extremity.depth), 0) + 1,
      prevEvents: live.extremities.map((extremity) => extremity.eventId),
      authEvents: authEvents.map((authEvent) => authEvent.eventId),
      originServerTs: signer.now,
      referenceHashes:
        rules.eventReferences === 'pairs' ? referenceHashes(live.extremities, authEvents, rules) : undefined,
    },
    rules,
    signer.serverName,
    signer.key,
  )
  const state = (type: string, stateKey: string): Event | undefined => live.authEvents.get(stateKeyText(type, stateKey))
  const verdict = checkAuth(event, state, rules)
  if (!verdict.allowed)
    throw new MatrixError('M_FORBIDDEN', `The rules of this room do not allow it: ${verdict.reason}.`)
  if (proposed.redacts?.isOwn === false && !mayRedactOthers(proposed.sender, powerLevelsIn(state, rules)))
    throw new MatrixError('M_FORBIDDEN', "You do not have the power to redact other people's events here.")
  return moveOn(live, { proposed, nids, event, text, authEvents, signer })
}

/** What our users may: the rules let them redact whatever comes from their server, which is not theirs to use. */
function mayRedactOthers(userId: UserId, levels: PowerLevels): boolean {
  return levels.user(userId) >= levels.named('redact')
}

interface Allowed {
  readonly proposed: ProposedEvent
  readonly nids: EventNids
  readonly event: Event
  readonly text: string
  readonly authEvents: readonly Event[]
  readonly signer: Signer
}

/** Makes the room's memory what it is after an allowed event, and collects what storing the event needs. */
function moveOn(live: LiveRoom, allowed: Allowed): BuiltEvent {
  const { proposed, nids, event, text, authEvents, signer } = allowed
  const stateBefore = live.path.stateNid
  const { keyNid, stateNid } = nids
  const replacesNid = keyNid === null ? null : (live.state.get(keyNid) ?? null)
  const newStates: NewState[] = []
  const authNids = keyNid === null ? [] : authEvents.flatMap((each) => live.authNids.get(each.eventId) ?? [])
  if (keyNid !== null && stateNid !== null && proposed.stateKey !== undefined) {
    live.state.set(keyNid, nids.eventNid)
    const created = live.path.addEvent({ eventNid: nids.eventNid, keyNid }, stateNid, () => live.state)
    if (created !== undefined) newStates.push(created)
    if (authorizes(proposed.type)) {
      keepAuthEvent(live, stateKeyText(proposed.type, proposed.stateKey), event, nids.eventNid)
    }
  }
  const stateAfter = live.path.stateNid
  const prevNids = live.extremities.map((extremity) => extremity.eventNid)
  live.extremities = [
    { eventNid: nids.eventNid, eventId: event.eventId, depth: event.depth, stateNid: stateAfter, pdu: event.pdu },
  ]
  return {
    event,
    row: {
      eventNid: nids.eventNid,
      eventId: event.eventId,
      roomNid: live.room.roomNid,
      type: proposed.type,
      keyNid,
      senderNid: nids.senderNid,
      topological: Math.min(event.depth, Number.MAX_SAFE_INTEGER),
      originServerTs: event.originServerTs,
      receivedTs: signer.now,
      outlier: 0,
      softFailed: 0,
      rejected: null,
      redactedBy: null,
      stateBefore,
      stateAfter,
      replacesNid,
      deviceId: proposed.request?.deviceId ?? null,
      txnId: proposed.request?.txnId ?? null,
      json: text,
    },
    prevNids,
    authNids,
    newStates,
    member: memberOf(proposed, nids.targetNid, signer.serverName),
    redactsNid: proposed.redacts?.eventNid,
  }
}

function memberOf(proposed: ProposedEvent, targetNid: number | null, serverName: ServerName): BuiltEvent['member'] {
  if (proposed.type !== 'm.room.member' || targetNid === null || proposed.stateKey === undefined) return undefined
  const userId: UserId = parseUserId(proposed.stateKey)
  return {
    userId,
    userNid: targetNid,
    // The auth rules have let only the five memberships through.
    membership: proposed.content['membership'] as MembershipState,
    local: serverNameOf(userId) === serverName,
    stripped: proposed.stripped,
  }
}

/** Room versions 1 and 2 name an event by its id and its hash. */
function referenceHashes(
  extremities: readonly Extremity[],
  authEvents: readonly Event[],
  rules: RoomVersionRules,
): ReadonlyMap<EventId, string> {
  return new Map(
    [...extremities, ...authEvents].map(({ eventId, pdu }) => [eventId, unpaddedBase64(referenceHash(pdu, rules))]),
  )
}
