import { globMatches, globMatchesWords } from '../glob.ts'
import { parseUserId } from '../identifiers.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { roomNotification, userNamePattern } from '../legacy-push-rules.ts'
import { defaultPushRules, pushRuleKinds, type PushRule, type PushRuleKind } from '../push-rules.ts'
import type { PushReader, PushSubject } from './subject.ts'

/** Whether a rule fits an event, for one reader or for all alike. */
export interface Matcher {
  readonly dependsOnReader: boolean
  /** Of a rule that everybody has: what it says of an event is worth keeping when it does not depend on the reader. */
  readonly isEverybodys?: boolean
  readonly fits: (subject: PushSubject, reader: PushReader) => boolean
}

const always: Matcher = { dependsOnReader: false, fits: () => true }
const never: Matcher = { dependsOnReader: false, fits: () => false }

/**
 * The rules there by default, matched without compiling them for each user: the user's id in two of them is the
 * reader's. A rule that a client may not write cannot be anything else.
 */
const inviteForMe: Matcher = {
  dependsOnReader: true,
  fits: (subject, reader) =>
    subject.value('type') === 'm.room.member' &&
    subject.value('content.membership') === 'invite' &&
    subject.value('state_key') === reader.userId,
}
const isUserMention: Matcher = {
  dependsOnReader: true,
  fits: (subject, reader) => contains(subject.value('content.m\\.mentions.user_ids'), reader.userId),
}
/** The local part is no pattern: its stars and question marks are left out. */
const containsUserName: Matcher = {
  dependsOnReader: true,
  fits: (subject, reader) => {
    const body = subject.lowered('content.body')
    const name = userNamePattern(reader.userId).toLowerCase()
    return body !== undefined && name !== '' && globMatchesWords(name, body)
  },
}
/** The matcher of a rule. The same object for the same default rule of all users. */
export function matcherOf(kind: PushRuleKind, rule: PushRule): Matcher {
  return (rule.default ? byDefault.get(rule.rule_id) : undefined) ?? ownMatcher(kind, rule)
}

function everybodys({ dependsOnReader, fits }: Matcher): Matcher {
  return { dependsOnReader, isEverybodys: true, fits }
}

/** An event that says whom it mentions is not searched for names. */
function withoutMentions({ dependsOnReader, fits }: Matcher): Matcher {
  return {
    dependsOnReader,
    fits: (subject, reader) => subject.value('content.m\\.mentions') === undefined && fits(subject, reader),
  }
}

function ownMatcher(kind: PushRuleKind, rule: PushRule): Matcher {
  switch (kind) {
    case 'room':
      return { dependsOnReader: false, fits: (subject) => subject.roomId === rule.rule_id }
    case 'sender':
      return { dependsOnReader: false, fits: (subject) => subject.sender === rule.rule_id }
    case 'content':
      return rule.pattern === undefined ? never : eventMatch('content.body', rule.pattern)
    default:
      return all((rule.conditions ?? []).map(conditionMatcher))
  }
}

/** A rule without conditions always fits. */
function all(matchers: readonly Matcher[]): Matcher {
  const [only] = matchers
  if (only === undefined) return always
  if (matchers.length === 1) return only
  return {
    dependsOnReader: matchers.some((matcher) => matcher.dependsOnReader),
    fits: (subject, reader) => matchers.every((matcher) => matcher.fits(subject, reader)),
  }
}

/** Conditions that are not known never fit. https://spec.matrix.org/v1.19/client-server-api/#conditions-1 */
function conditionMatcher(condition: JsonObject): Matcher {
  const { kind, key, pattern, value } = condition
  switch (kind) {
    case 'event_match':
      return typeof key === 'string' && typeof pattern === 'string' ? eventMatch(key, pattern) : never
    case 'event_property_is':
      if (typeof key !== 'string' || !isSimple(value)) return never
      return { dependsOnReader: false, fits: (subject) => subject.value(key) === value }
    case 'event_property_contains':
      if (typeof key !== 'string' || !isSimple(value)) return never
      return { dependsOnReader: false, fits: (subject) => contains(subject.value(key), value) }
    case 'contains_display_name':
      return containsDisplayName
    case 'room_member_count':
      return memberCount(condition['is'])
    case 'sender_notification_permission':
      if (typeof key !== 'string') return never
      return {
        dependsOnReader: false,
        fits: ({ facts }) => facts.senderLevel >= facts.notificationLevel(key),
      }
    default:
      return never
  }
}

/** Whole values, but words of the body; case never matters. */
function eventMatch(key: string, pattern: string): Matcher {
  const lowered = pattern.toLowerCase()
  const matches = key === 'content.body' ? globMatchesWords : globMatches
  return {
    dependsOnReader: false,
    fits: (subject) => {
      const text = subject.lowered(key)
      return text !== undefined && matches(lowered, text)
    },
  }
}

/** A display name is no pattern: its stars and question marks are themselves. */
const containsDisplayName: Matcher = {
  dependsOnReader: true,
  fits: (subject, reader) => {
    const name = reader.displayName?.toLowerCase()
    const body = subject.lowered('content.body')
    if (name === undefined || name === '' || body === undefined) return false
    for (let at = body.indexOf(name); at >= 0; at = body.indexOf(name, at + 1)) {
      const before = at === 0 ? '' : (body[at - 1] ?? '')
      const after = body[at + name.length] ?? ''
      if (!/[a-z0-9_]/i.test(before) && !/[a-z0-9_]/i.test(after)) return true
    }
    return false
  },
}

function memberCount(is: JsonValue | undefined): Matcher {
  const parts = typeof is === 'string' ? /^(==|<=|>=|<|>)?(\d{1,15})$/.exec(is) : null
  if (parts === null) return never
  const wanted = Number(parts[2])
  const compare = comparisons[parts[1] ?? '==']
  if (compare === undefined) return never
  return { dependsOnReader: false, fits: ({ facts }) => compare(facts.memberCount, wanted) }
}

const comparisons: Readonly<Record<string, (count: number, wanted: number) => boolean>> = {
  '==': (count, wanted) => count === wanted,
  '<': (count, wanted) => count < wanted,
  '>': (count, wanted) => count > wanted,
  '<=': (count, wanted) => count <= wanted,
  '>=': (count, wanted) => count >= wanted,
}

/** Values that are compared: texts, integers, booleans and null. */
function isSimple(value: JsonValue | undefined): value is string | number | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
}

function contains(list: JsonValue | undefined, value: JsonValue): boolean {
  return Array.isArray(list) && (list as readonly JsonValue[]).includes(value)
}

const anybodys = defaultPushRules(parseUserId('@reader:server.invalid'))
const byDefault: ReadonlyMap<string, Matcher> = new Map([
  ...pushRuleKinds.flatMap((kind) =>
    anybodys[kind].map((rule) => [rule.rule_id, everybodys(ownMatcher(kind, rule))] as const),
  ),
  ['.m.rule.invite_for_me', inviteForMe],
  ['.m.rule.is_user_mention', isUserMention],
  ['.m.rule.contains_display_name', withoutMentions(containsDisplayName)],
  ['.m.rule.roomnotif', everybodys(withoutMentions(ownMatcher('override', roomNotification)))],
  ['.m.rule.contains_user_name', withoutMentions(containsUserName)],
])
