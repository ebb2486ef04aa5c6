import { LruCache } from '#base/lru-cache.ts'
import { MatrixError } from '#protocol/errors.ts'
import { isRoomId, isUserId, type UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonArray, type JsonObject } from '#protocol/json.ts'
import { type PushRule, type PushRuleKind, pushRuleKinds, type PushRuleset } from '#protocol/push-rules.ts'
import type { Streams } from '#streams/streams.ts'
import type { AccountData } from './account-data.ts'
import { plainText } from './checks/plain-text.ts'
import {
  changesIn,
  cleanActions,
  type Place,
  type PushRuleChanges,
  pushRulesType,
  withChange,
  withoutRule,
  withRule,
} from './push-rules/changes.ts'

const cachedRulesetsMax = 10_000
const ruleIdBytesMax = 255
const ownRulesPerKindMax = 1000

/** Which rule of which user. */
export interface RuleName {
  readonly userId: UserId
  readonly kind: string
  readonly ruleId: string
}

/** What a client says of a rule it writes. */
export interface NewRule {
  readonly actions: JsonArray
  readonly conditions?: JsonArray | undefined
  readonly pattern?: string | undefined
}

/**
 * Which events a user wants to be notified of. Only what differs from the default rules is stored; each change is
 * account data of type `m.push_rules`, on its stream. https://spec.matrix.org/v1.19/client-server-api/#push-rules
 */
export class PushRules {
  readonly #accountData: AccountData
  readonly #streams: Pick<Streams, 'accountData'>
  readonly #cache = new LruCache<UserId, { readonly position: number; readonly content: PushRulesContent }>(
    cachedRulesetsMax,
  )

  constructor(deps: { readonly accountData: AccountData; readonly streams: Pick<Streams, 'accountData'> }) {
    this.#accountData = deps.accountData
    this.#streams = deps.streams
  }

  /** The whole rules of a user, most important first in each kind. No query while their account data stays the same. */
  async of(userId: UserId): Promise<PushRulesContent> {
    const cached = this.#cache.get(userId)
    const stream = this.#streams.accountData
    if (cached !== undefined && !stream.userChangedSince(userId, cached.position)) return cached.content
    const { position } = stream
    const text = await this.#accountData.get(userId, null, pushRulesType)
    const content = JSON.parse(text ?? '{}') as PushRulesContent
    this.#cache.set(userId, { position, content })
    return content
  }

  /** One rule. Throws M_NOT_FOUND, or M_INVALID_PARAM for a kind that is none. */
  async rule({ userId, kind, ruleId }: RuleName): Promise<PushRule> {
    const { global } = await this.of(userId)
    const rule = global[checkKind(kind)].find((each) => each.rule_id === ruleId)
    if (rule === undefined) throw noSuchRule()
    return rule
  }

  /**
   * Writes a rule of the user's own. Throws M_INVALID_PARAM or M_MISSING_PARAM for what cannot be a rule, M_UNKNOWN
   * (400) when `place` names no rule of theirs.
   */
  async put(name: RuleName, rule: NewRule, place: Place): Promise<void> {
    const kind = checkKind(name.kind)
    const written = checkRule(kind, name.ruleId, rule)
    await this.#change(name.userId, (changes) => {
      const after = withRule(changes, kind, written, place)
      if ((after.rules[kind]?.length ?? 0) > ownRulesPerKindMax)
        throw new MatrixError('M_INVALID_PARAM', `There may be at most ${ownRulesPerKindMax} rules of a kind.`)
      return after
    })
  }

  /** Removes a rule of the user's own. Throws M_NOT_FOUND. */
  async delete({ userId, kind, ruleId }: RuleName): Promise<void> {
    const checked = checkKind(kind)
    await this.#change(userId, (changes) => withoutRule(changes, checked, ruleId))
  }

  /** Enables or disables a rule, a default one too. Throws M_NOT_FOUND. */
  async enable({ userId, kind, ruleId }: RuleName, enabled: boolean): Promise<void> {
    const name = { userId, kind: checkKind(kind), ruleId }
    await this.#change(userId, (changes) => withChange(changes, name, { enabled }))
  }

  /** Gives a rule, a default one too, other actions. Throws M_NOT_FOUND, M_INVALID_PARAM. */
  async setActions({ userId, kind, ruleId }: RuleName, actions: JsonArray): Promise<void> {
    const name = { userId, kind: checkKind(kind), ruleId }
    const cleaned = checkActions(actions)
    await this.#change(userId, (changes) => withChange(changes, name, { actions: cleaned }))
  }

  async #change(userId: UserId, change: (changes: PushRuleChanges) => PushRuleChanges | undefined): Promise<void> {
    await this.#accountData.update(userId, null, pushRulesType, (content) => {
      const after = change(changesIn(content))
      if (after === undefined) throw noSuchRule()
      return after as unknown as JsonObject
    })
  }
}

/** The content of `m.push_rules`. */
export interface PushRulesContent {
  readonly global: PushRuleset
}

function checkKind(kind: string): PushRuleKind {
  const known = pushRuleKinds.find((each) => each === kind)
  if (known === undefined)
    throw new MatrixError('M_INVALID_PARAM', `The kind of a rule is one of ${pushRuleKinds.join(', ')}.`)
  return known
}

function checkRule(kind: PushRuleKind, ruleId: string, rule: NewRule): Parameters<typeof withRule>[2] {
  plainText(ruleId, 'The id of the rule', ruleIdBytesMax)
  if (ruleId === '' || ruleId.startsWith('.') || /[/\\]/.test(ruleId))
    throw new MatrixError('M_INVALID_PARAM', 'The id of your own rule does not start with a dot or hold a slash.')
  if (kind === 'room' && !isRoomId(ruleId))
    throw new MatrixError('M_INVALID_PARAM', 'The id of a rule for a room is the id of the room.')
  if (kind === 'sender' && !isUserId(ruleId))
    throw new MatrixError('M_INVALID_PARAM', 'The id of a rule for a sender is the id of the user.')
  const actions = checkActions(rule.actions)
  if (kind === 'content') {
    if (rule.pattern === undefined) throw new MatrixError('M_MISSING_PARAM', 'Missing from the body: pattern.')
    return { rule_id: ruleId, actions, pattern: rule.pattern }
  }
  if (kind !== 'override' && kind !== 'underride') return { rule_id: ruleId, actions }
  const { conditions = [] } = rule
  if (!conditions.every(isJsonObject)) throw new MatrixError('M_INVALID_PARAM', 'Each of conditions is an object.')
  return { rule_id: ruleId, actions, conditions }
}

function checkActions(actions: JsonArray): JsonArray {
  const cleaned = cleanActions(actions)
  if (cleaned === undefined)
    throw new MatrixError('M_INVALID_PARAM', 'Each of actions is a string or an object with set_tweak.')
  return cleaned
}

function noSuchRule(): MatrixError {
  return new MatrixError('M_NOT_FOUND', 'You have no push rule of this kind and id.')
}
