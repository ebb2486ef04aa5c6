import type { RoomVersionRules } from '../room-versions.ts'

/** The numbers that the rules have in the specification of a room version; parts of a rule count on from there. */
export interface RuleNumbers {
  readonly noCreate: string
  readonly authEvents: string
  readonly federate: string
  readonly aliases: string
  readonly member: string
  readonly joined: string
  readonly thirdPartyInvite: string
  readonly level: string
  readonly ownStateKey: string
  readonly powerLevels: string
  readonly redaction: string
}

const withAliases: RuleNumbers = {
  noCreate: '2.4',
  authEvents: '2',
  federate: '3',
  aliases: '4',
  member: '5',
  joined: '6',
  thirdPartyInvite: '7',
  level: '8',
  ownStateKey: '9',
  powerLevels: '10',
  redaction: '11',
}

/** From version 6 on there is no rule for aliases, and from version 3 on none for redactions. */
const plain: RuleNumbers = {
  noCreate: '2.4',
  authEvents: '2',
  federate: '3',
  aliases: '',
  member: '4',
  joined: '5',
  thirdPartyInvite: '6',
  level: '7',
  ownStateKey: '8',
  powerLevels: '9',
  redaction: '',
}

/** Version 12 puts a rule about the room id in second place. */
const withRoomId: RuleNumbers = {
  noCreate: '2',
  authEvents: '3',
  federate: '4',
  aliases: '',
  member: '5',
  joined: '6',
  thirdPartyInvite: '7',
  level: '8',
  ownStateKey: '9',
  powerLevels: '10',
  redaction: '',
}

const sets = { withAliases, plain, withRoomId } as const

/** The numbers of the rules in a room version. */
export function ruleNumbers(rules: RoomVersionRules): RuleNumbers {
  return sets[rules.ruleNumbers]
}

type MemberRule = 'join' | 'invite' | 'leave' | 'ban' | 'knock' | 'unknown'

/** The number of a rule about membership: from version 8 on, one about authorised joins goes before. */
export function memberRule(rules: RoomVersionRules, rule: MemberRule, part?: number | string): string {
  const order: readonly MemberRule[] = rules.knock
    ? ['join', 'invite', 'leave', 'ban', 'knock', 'unknown']
    : ['join', 'invite', 'leave', 'ban', 'unknown']
  const number = order.indexOf(rule) + (rules.restricted ? 3 : 2)
  return `${ruleNumbers(rules).member}.${number}${part === undefined ? '' : `.${part}`}`
}
