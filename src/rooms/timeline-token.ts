import { MatrixError } from '#protocol/errors.ts'
import { parseSyncToken } from '#streams/sync-token.ts'

/**
 * A place between the events of a room, from which history is read in either direction.
 *
 * A room has two orders: that of arrival here (`stream`), which syncs follow, and that of the event graph
 * (`topological`, ties by arrival), in which history is read. A place in one is no place in the other, so a token that
 * came from a sync remembers its moment: going backwards from it, only events that had arrived by then are read, and
 * going forwards, only those that came later. So whoever joins a sync and its history finds no hole and no repeat,
 * however late an old event arrived.
 */
export interface TimelineToken {
  /** The place is behind this event in the order of the graph; undefined: at the end at which reading begins. */
  readonly place: Place | undefined
  /** Only events that had arrived by this position are read. */
  readonly arrivedBy: number | undefined
  /** Only events that arrived after this position are read. */
  readonly arrivedAfter: number | undefined
  /** A moment, not yet given a direction: `towards` makes it one of the two above. */
  readonly moment: number | undefined
}

/** Behind which event a token stands: its depth and its stream position. */
export interface Place {
  readonly topological: number
  readonly stream: number
}

export type Direction = 'backwards' | 'forwards'

const textCharactersMax = 256
const form = /^t(-?\d{1,16})-(-?\d{1,16})(?:~(b|a)(\d{1,16}))?$/
const momentForm = /^e(\d{1,16})$/

/** The token of a moment in the order of arrival: all that arrived up to `position` lies before it. */
export function tokenAtMoment(position: number): TimelineToken {
  return { place: undefined, arrivedBy: undefined, arrivedAfter: undefined, moment: position }
}

/** The token of a place in the order of the graph. `within` is the token from which the reading began. */
export function tokenAtPlace(place: Place, within?: TimelineToken): TimelineToken {
  return { place, arrivedBy: within?.arrivedBy, arrivedAfter: within?.arrivedAfter, moment: undefined }
}

/** Gives a token a direction: what a moment means depends on which way one goes from it. */
export function towards(token: TimelineToken, direction: Direction): TimelineToken {
  if (token.moment === undefined) return token
  return direction === 'backwards'
    ? { place: undefined, arrivedBy: token.moment, arrivedAfter: undefined, moment: undefined }
    : { place: undefined, arrivedBy: undefined, arrivedAfter: token.moment, moment: undefined }
}

/** The token's text: `e<moment>`, or `t<topological>-<stream>`, with `~b<position>` or `~a<position>` for its bound. */
export function printTimelineToken(token: TimelineToken): string {
  if (token.place === undefined) return `e${token.moment ?? token.arrivedBy ?? token.arrivedAfter ?? 0}`
  const place = `t${token.place.topological}-${token.place.stream}`
  if (token.arrivedBy !== undefined) return `${place}~b${token.arrivedBy}`
  return token.arrivedAfter === undefined ? place : `${place}~a${token.arrivedAfter}`
}

/** Reads a token that `printTimelineToken` or a sync wrote. Throws M_INVALID_PARAM for any other text. */
export function parseTimelineToken(text: string): TimelineToken {
  if (text.length > textCharactersMax) throw foreign()
  if (text.startsWith('s')) return tokenAtMoment(parseSyncToken(text).events)
  const moment = momentForm.exec(text)?.[1]
  if (moment !== undefined) return tokenAtMoment(integer(moment))
  const [, topological, stream, kind, bound] = form.exec(text) ?? []
  if (topological === undefined || stream === undefined) throw foreign()
  const position = bound === undefined ? undefined : integer(bound)
  return {
    place: { topological: integer(topological), stream: integer(stream) },
    arrivedBy: kind === 'b' ? position : undefined,
    arrivedAfter: kind === 'a' ? position : undefined,
    moment: undefined,
  }
}

function integer(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number)) throw foreign()
  return number
}

function foreign(): MatrixError {
  return new MatrixError('M_INVALID_PARAM', 'The token is not one of this server: read again without it.')
}
