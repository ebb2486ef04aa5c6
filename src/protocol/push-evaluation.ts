import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import { matcherOf, type Matcher } from './push-rules/matchers.ts'
import { PushSubject, type PushFacts, type PushReader } from './push-rules/subject.ts'
import { pushRuleKinds, type PushRule, type PushRuleset } from './push-rules.ts'

export type { PushFacts, PushReader }

/** What a user's rules say of an event. */
export interface PushOutcome {
  readonly ruleId: string
  readonly notify: boolean
  readonly highlight: boolean
  /** The tweaks that go to the push gateway. */
  readonly tweaks: JsonObject
}

/** A user's enabled rules in the order in which they are tried, made ready once. */
export type CompiledPushRules = readonly { readonly matcher: Matcher; readonly outcome: PushOutcome }[]

/**
 * Makes a user's rules ready for many events. Disabled rules are left out. Compiled rules of a user who has changed
 * nothing are the same for everybody: keep one and give it to all.
 */
export function compilePushRules(rules: PushRuleset): CompiledPushRules {
  return pushRuleKinds.flatMap((kind) =>
    rules[kind]
      .filter((rule) => rule.enabled)
      .map((rule) => ({ matcher: matcherOf(kind, rule), outcome: outcomeOf(rule) })),
  )
}

/**
 * One event, about to be tried against the rules of many users. What does not depend on the user is found out once:
 * with default rules, a user costs well under a microsecond.
 * https://spec.matrix.org/v1.19/client-server-api/#push-rules
 */
export class PushEvaluator {
  readonly #subject: PushSubject
  readonly #known = new Map<Matcher, boolean>()

  /** `facts` holds the event in its client form, and what the room is like at it. */
  constructor(facts: PushFacts) {
    this.#subject = new PushSubject(facts)
  }

  /**
   * What the first rule that fits says; undefined when none fits, and for the event's own sender, who is never
   * notified.
   */
  outcomeFor(reader: PushReader, rules: CompiledPushRules): PushOutcome | undefined {
    if (reader.userId === this.#subject.sender) return undefined
    for (const { matcher, outcome } of rules) if (this.#fits(matcher, reader)) return outcome
    return undefined
  }

  #fits(matcher: Matcher, reader: PushReader): boolean {
    if (matcher.dependsOnReader || matcher.isEverybodys !== true) return matcher.fits(this.#subject, reader)
    let fits = this.#known.get(matcher)
    if (fits === undefined) {
      fits = matcher.fits(this.#subject, reader)
      this.#known.set(matcher, fits)
    }
    return fits
  }
}

/**
 * Reads a rule's actions. Those of older versions (`dont_notify`, `coalesce`) do nothing.
 * https://spec.matrix.org/v1.19/client-server-api/#actions
 */
function outcomeOf(rule: PushRule): PushOutcome {
  let notify = false
  const tweaks: Record<string, JsonValue> = {}
  for (const action of rule.actions) {
    if (action === 'notify') notify = true
    if (!isJsonObject(action) || typeof action['set_tweak'] !== 'string') continue
    const tweak = action['set_tweak']
    const value = action['value'] ?? (tweak === 'highlight' ? true : undefined)
    if (value !== undefined && tweak !== '__proto__') tweaks[tweak] = value
  }
  return { ruleId: rule.rule_id, notify, highlight: notify && tweaks['highlight'] === true, tweaks }
}
