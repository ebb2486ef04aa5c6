import { jsonMember, jsonMembers } from './json-members.ts'
import { keptByRedaction } from './redaction.ts'
import type { RoomVersionRules } from './room-versions.ts'

/**
 * The canonical text of an event as `redact` leaves it, cut out of the text instead of parsed and written again: old
 * rooms hold numbers that no longer come out of a parser as they went in. Linear in the text.
 * https://spec.matrix.org/v1.19/client-server-api/#redactions
 */
export function redactedText(text: string, rules: RoomVersionRules): string {
  const kept = keptByRedaction(typeOf(text), rules)
  let result = ''
  let hasContent = false
  for (const member of jsonMembers(text)) {
    if (!kept.top.includes(member.key)) continue
    if (member.key !== 'content') {
      result += ',' + text.slice(member.start, member.end)
      continue
    }
    hasContent = true
    const content = text.slice(member.value, member.end)
    result += ',"content":' + (content.startsWith('{') ? redactedContent(content, kept) : '{}')
  }
  if (!hasContent) result += ',"content":{}'
  return '{' + result.slice(1) + '}'
}

function typeOf(text: string): unknown {
  return JSON.parse(jsonMember(text, 'type') ?? 'null')
}

function redactedContent(text: string, kept: ReturnType<typeof keptByRedaction>): string {
  if (kept.content === 'all') return text
  if (kept.content.length === 0 && !kept.signedInvite) return '{}'
  let result = ''
  for (const member of jsonMembers(text)) {
    if (kept.content.includes(member.key)) result += ',' + text.slice(member.start, member.end)
    else if (kept.signedInvite && member.key === 'third_party_invite') {
      const invite = text.slice(member.value, member.end)
      if (!invite.startsWith('{')) continue
      const signed = jsonMembers(invite).find((inner) => inner.key === 'signed')
      result += ',"third_party_invite":{' + (signed === undefined ? '' : invite.slice(signed.start, signed.end)) + '}'
    }
  }
  return '{' + result.slice(1) + '}'
}
