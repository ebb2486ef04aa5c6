import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { JsonArray, JsonObject, JsonValue } from '#protocol/json.ts'
import {
  defaultPushRules,
  type PushRule,
  type PushRuleChange,
  type PushRuleKind,
  pushRuleKinds,
  type PushRuleset,
  pushRulesOf,
} from '#protocol/push-rules.ts'

/** The account data under which a user's rules are kept and synced. */
export const pushRulesType = 'm.push_rules'

/** A rule that the user wrote. */
export type UserRule = Omit<PushRule, 'default'>

/** What a user changed of the default rules: stored instead of the rules, so that new defaults reach everyone. */
export interface PushRuleChanges {
  /** By kind, most important first. */
  readonly rules: Readonly<Partial<Record<PushRuleKind, readonly UserRule[]>>>
  /** By the id of a default rule. */
  readonly defaults: Readonly<Record<string, PushRuleChange>>
}

/** The stored text of no change at all. */
export const emptyChanges = '{}'

/** Reads what `AccountData` keeps. */
export function changesIn(content: JsonObject | undefined): PushRuleChanges {
  const { rules = {}, defaults = {} } = (content ?? {}) as unknown as Partial<PushRuleChanges>
  return { rules, defaults }
}

/** The content of `m.push_rules` as clients see it, from the stored text. */
export function pushRulesContent(userId: UserId, stored: string | undefined): string {
  return JSON.stringify({ global: storedPushRules(userId, stored) })
}

/** A user's rules, from the stored text. */
export function storedPushRules(userId: UserId, stored: string | undefined): PushRuleset {
  const { rules, defaults } = changesIn(JSON.parse(stored ?? emptyChanges) as JsonObject)
  const own: Partial<Record<PushRuleKind, PushRule[]>> = {}
  for (const kind of pushRuleKinds) own[kind] = (rules[kind] ?? []).map((rule) => ({ ...rule, default: false }))
  return pushRulesOf(userId, own, new Map(Object.entries(defaults)))
}

/** Where a rule goes among the user's own of its kind. */
export interface Place {
  readonly before?: string | undefined
  readonly after?: string | undefined
}

/**
 * Writes a rule. A new one becomes the most important of its kind and is enabled; one that is there stays where it
 * is, and enabled or not, unless `place` says otherwise. Throws M_UNKNOWN (400) when `place` names no rule of the user.
 */
export function withRule(
  changes: PushRuleChanges,
  kind: PushRuleKind,
  rule: Omit<UserRule, 'enabled'>,
  place: Place,
): PushRuleChanges {
  const before = changes.rules[kind] ?? []
  const at = before.findIndex((each) => each.rule_id === rule.rule_id)
  const written: UserRule = { ...rule, enabled: before[at]?.enabled ?? true }
  const rest = before.filter((each) => each.rule_id !== rule.rule_id)
  const placed = place.before !== undefined || place.after !== undefined
  const index = placed ? placeIn(rest, place) : Math.max(at, 0)
  return withRules(changes, kind, rest.toSpliced(index, 0, written))
}

/** Removes a rule; undefined when the user has none of this id. */
export function withoutRule(changes: PushRuleChanges, kind: PushRuleKind, ruleId: string): PushRuleChanges | undefined {
  const before = changes.rules[kind] ?? []
  const rest = before.filter((each) => each.rule_id !== ruleId)
  return rest.length === before.length ? undefined : withRules(changes, kind, rest)
}

/** Changes whether a rule is enabled, or its actions; undefined when there is none of this id. */
export function withChange(
  changes: PushRuleChanges,
  { userId, kind, ruleId }: { readonly userId: UserId; readonly kind: PushRuleKind; readonly ruleId: string },
  change: { readonly enabled: boolean } | { readonly actions: JsonArray },
): PushRuleChanges | undefined {
  if (defaultPushRules(userId)[kind].some((rule) => rule.rule_id === ruleId)) {
    const defaults = { ...changes.defaults, [ruleId]: { ...changes.defaults[ruleId], ...change } }
    return { ...changes, defaults }
  }
  const rules = changes.rules[kind] ?? []
  if (!rules.some((rule) => rule.rule_id === ruleId)) return undefined
  return withRules(
    changes,
    kind,
    rules.map((rule) => (rule.rule_id === ruleId ? { ...rule, ...change } : rule)),
  )
}

/** Actions without those of former versions of the specification, which mean nothing; undefined when one is malformed. */
export function cleanActions(actions: JsonArray): JsonArray | undefined {
  if (!actions.every(isAction)) return undefined
  return actions.filter((action) => action !== 'dont_notify' && action !== 'coalesce')
}

function isAction(action: JsonValue): boolean {
  if (typeof action === 'string') return true
  return typeof action === 'object' && action !== null && 'set_tweak' in action && typeof action.set_tweak === 'string'
}

function withRules(changes: PushRuleChanges, kind: PushRuleKind, rules: readonly UserRule[]): PushRuleChanges {
  return { ...changes, rules: { ...changes.rules, [kind]: rules } }
}

function placeIn(rules: readonly UserRule[], { before, after }: Place): number {
  const neighbor = before ?? after
  const at = rules.findIndex((rule) => rule.rule_id === neighbor)
  if (at < 0) throw new MatrixError('M_UNKNOWN', 'before/after names no rule of yours of this kind.', { status: 400 })
  return before === undefined ? at + 1 : at
}
