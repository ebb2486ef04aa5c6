import canonicalize from 'canonicalize'
import { aMember, anEvent, stateOf } from '../../test/events.ts'
import { checkAuth } from '#protocol/auth-rules.ts'
import { buildEvent } from '#protocol/build-event.ts'
import { canonicalJson } from '#protocol/canonical-json.ts'
import { canonicalText } from '#protocol/canonical-text.ts'
import { readReceivedEvent } from '#protocol/event-format.ts'
import { eventId } from '#protocol/hashes.ts'
import { parseEventId, parseRoomId, parseServerName, parseUserId } from '#protocol/identifiers.ts'
import { parseEvent } from '#protocol/parse-event.ts'
import { compilePushRules, PushEvaluator } from '#protocol/push-evaluation.ts'
import { defaultPushRules } from '#protocol/push-rules.ts'
import { redact } from '#protocol/redaction.ts'
import { newSigningKey } from '#protocol/signing-keys.ts'
import { type CoreScenario, microseconds } from '../kit/core-scenario.ts'
import type { Figures } from '../kit/measure.ts'
import { signatureScenario } from './protocol-signatures.ts'
import { defaultRules, resolutionScenario } from './protocol-state.ts'

const calls = 20_000
const readers = 10_000
const moderators = 50

const rules = defaultRules()
const key = newSigningKey()
const server = parseServerName('example.org')
const alice = parseUserId('@alice:example.org')
const draft = {
  type: 'm.room.message',
  sender: alice,
  roomId: parseRoomId('!Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ'),
  content: { msgtype: 'm.text', body: 'Shall we meet at the old bridge at half past five?', 'm.mentions': {} },
  depth: 1234,
  prevEvents: [parseEventId('$gQHz8Lk4hQWwGAVmpZqrF8BD5IIgEtdSAMsVSZ9p3bY')],
  authEvents: [
    parseEventId('$-kJHgFEr4yZ1Zs3m3bYqz9jmQwYkT4xKQ0h8rK0bq3E'),
    parseEventId('$zXcVbNm1234567890asdfghjklqwertyuiopZXCVBNM'),
  ],
  originServerTs: 1_780_000_000_000,
}
const { event, text } = buildEvent(draft, rules, server, key)
// As other servers send it: their keys are not always in order.
const unordered = JSON.stringify(Object.fromEntries(Object.entries(event.pdu).reverse()))

/** Ours, from a parsed value and from texts; and as a part of what the package takes for the same. */
function json(): Figures {
  const { pdu } = event
  const valueUs = microseconds(calls, () => canonicalJson(pdu))
  const packageValueUs = microseconds(calls, () => canonicalize(pdu))
  const unorderedTextUs = microseconds(calls, () => canonicalText(unordered))
  const packageTextUs = microseconds(calls, () => canonicalize(JSON.parse(unordered)))
  return {
    valueUs,
    valueOfPackagePart: valueUs / packageValueUs,
    textUs: microseconds(calls, () => canonicalText(text)),
    unorderedTextUs,
    textOfPackagePart: unorderedTextUs / packageTextUs,
  }
}

function events(): Figures {
  return {
    idUs: microseconds(calls, () => eventId(event.pdu, rules)),
    redactUs: microseconds(calls, () => redact(event.pdu, rules)),
    buildUs: microseconds(calls / 4, () => buildEvent(draft, rules, server, key)),
    readStoredUs: microseconds(calls, () => parseEvent(text, rules, event.eventId)),
    readReceivedUs: microseconds(calls, () => readReceivedEvent(text, rules)),
  }
}

function auth(): Figures {
  const roomId = '!create:a'
  const sender = '@maker:a.example'
  const create = anEvent({ type: 'm.room.create', eventId: '$create:a', roomId, stateKey: '', sender })
  const users = Object.fromEntries(Array.from({ length: moderators }, (_, index) => [`@moderator${index}:a`, 50]))
  const levels = anEvent({ type: 'm.room.power_levels', roomId, stateKey: '', content: { users } })
  const open = anEvent({ type: 'm.room.join_rules', roomId, stateKey: '', content: { join_rule: 'public' } })
  const state = stateOf(create, levels, open, aMember('join', '@alice:a.example', { roomId }))
  const said = anEvent({ roomId })
  const joins = aMember('join', '@dave:d.example', { roomId })
  return {
    messageUs: microseconds(calls, () => checkAuth(said, state, rules)),
    joinUs: microseconds(calls, () => checkAuth(joins, state, rules)),
  }
}

function push(): Figures {
  const compiled = compilePushRules(defaultPushRules(alice))
  const everybody = Array.from({ length: readers }, (_, index) => ({ userId: parseUserId(`@user${index}:a`) }))
  const { type, sender, roomId, content } = event
  const client = { type, sender, room_id: roomId, content }
  const notifyAll = (): void => {
    const facts = { event: client, memberCount: readers, senderLevel: 0, notificationLevel: () => 50 }
    const evaluator = new PushEvaluator(facts)
    for (const reader of everybody) evaluator.outcomeFor(reader, compiled)
  }
  return { eventMs: microseconds(50, notifyAll) / 1000 }
}

/** The protocol core by itself, on one core. */
export const protocolScenarios: readonly CoreScenario[] = [
  {
    name: 'protocol-json',
    about: 'canonical JSON of an event, ours and the package',
    targets: { valueUs: { max: 2 }, valueOfPackagePart: { max: 1 }, textOfPackagePart: { max: 1 } },
    run: json,
  },
  {
    name: 'protocol-events',
    about: 'ids, redaction, making and reading of an event',
    targets: { idUs: { max: 5 }, buildUs: { max: 60 }, readStoredUs: { max: 5 } },
    run: events,
  },
  {
    name: 'protocol-auth',
    about: `auth rules in a room of ${moderators} moderators`,
    targets: { messageUs: { max: 3 }, joinUs: { max: 10 } },
    run: auth,
  },
  {
    name: 'protocol-push',
    about: `default push rules, one event, ${readers} members`,
    targets: { eventMs: { max: 10 } },
    run: push,
  },
  resolutionScenario,
  signatureScenario,
]
