import { parseRoomEventFilter, type RoomEventFilter } from '#protocol/filters.ts'
import { parseJsonText } from '#protocol/json-text.ts'
import { parseTimelineToken, type Direction, type TimelineToken } from '#rooms/timeline-token.ts'

/** The text of a JSON list of events that are text already. */
export function listText(texts: readonly string[]): string {
  return '[' + texts.join(',') + ']'
}

/** The filter that a query gives as JSON. Throws M_NOT_JSON, M_INVALID_PARAM. */
export function filterIn(text: string | undefined): RoomEventFilter | undefined {
  return text === undefined || text === '' ? undefined : parseRoomEventFilter(parseJsonText(text))
}

/** The token that a query gives. Some clients send an empty one for none. Throws M_INVALID_PARAM. */
export function tokenIn(text: string | undefined): TimelineToken | undefined {
  return text === undefined || text === '' ? undefined : parseTimelineToken(text)
}

/** The direction that a query names by its letter. */
export function directionIn(letter: 'b' | 'f' | undefined): Direction {
  return letter === 'f' ? 'forwards' : 'backwards'
}
