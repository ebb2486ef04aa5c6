import type { Event } from '#protocol/event.ts'
import type { EventId } from '#protocol/identifiers.ts'
import { stateKeyText } from '#protocol/state-key.ts'
import type { StateMap } from '#protocol/state-resolution.ts'

import type { RoomGraph } from './room-graph.ts'

/** Where an event has come to stand on our server. */
export interface Arrival {
  readonly eventId: string
  readonly position: number
  /** Neither rejected nor soft-failed. */
  readonly counts: boolean
}

/**
 * Who may see what, worked out the slow way: the room's state is resolved anew after each arrival, and the specification's
 * table is read line by line. https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-4
 */
export class NaiveVisibility {
  readonly #graph: RoomGraph
  readonly #arrivals: readonly Arrival[]
  /** The state of the room as our server saw it, after each arrival. */
  readonly #states: readonly { readonly position: number; readonly state: StateMap }[]

  constructor(graph: RoomGraph, arrivals: readonly Arrival[]) {
    this.#graph = graph
    this.#arrivals = [...arrivals].sort((a, b) => a.position - b.position)
    this.#states = this.#arrivals.map(({ position }, index) => ({
      position,
      state: graph.stateBefore(...this.#endsAfter(index)),
    }))
  }

  /** Whether somebody may see an event. */
  maySee(userId: string, eventId: string): boolean {
    const arrival = this.#arrivals.find((each) => each.eventId === eventId)
    const event = this.#event(eventId)
    if (arrival?.counts !== true || event === undefined) return false
    const states = [this.#graph.stateBefore(...event.prevEvents.map(nameOf)), this.#graph.stateAfter(nameOf(eventId))]
    const memberships = states.map((state) => this.#membershipIn(state, userId))
    if (memberships.includes('join')) return true
    const invited = memberships.includes('invite')
    const joinedSince = this.#states.some(
      ({ position, state }) => position >= arrival.position && this.#membershipIn(state, userId) === 'join',
    )
    return states.some((state) => {
      const visibility = this.#event(state.get(stateKeyText('m.room.history_visibility', '')))?.content[
        'history_visibility'
      ]
      if (visibility === 'world_readable') return true
      if (visibility === 'invited') return invited
      if (visibility === 'joined') return false
      return joinedSince
    })
  }

  /** What somebody is in the room now; undefined when they never were anything. */
  membershipNow(userId: string): unknown {
    const now = this.#states.at(-1)?.state
    return now === undefined ? undefined : this.#membershipIn(now, userId)
  }

  /** The position at which somebody's last stay ended; undefined when they have had none, or it goes on. */
  endOfStay(userId: string): number | undefined {
    const last = this.#states.findLastIndex(({ state }) => this.#membershipIn(state, userId) === 'join')
    return last < 0 ? undefined : this.#states[last + 1]?.position
  }

  /** The names of the events that are the state now, or after what had arrived last by a position. */
  stateNames(position?: number): string[] {
    const last = this.#arrivals.findLast((each) => each.counts && each.position <= (position ?? 0))
    const left = last === undefined ? undefined : this.#graph.stateAfter(nameOf(last.eventId))
    const state = position === undefined ? this.#states.at(-1)?.state : left
    return [...(state?.values() ?? [])].map(nameOf).sort()
  }

  /** Whether anybody may look into the room now. */
  get isWorldReadable(): boolean {
    const now = this.#states.at(-1)?.state
    const visibility = this.#event(now?.get(stateKeyText('m.room.history_visibility', '')))
    return visibility?.content['history_visibility'] === 'world_readable'
  }

  /** The names of the events that nothing follows which counts, after so many arrivals. */
  #endsAfter(index: number): string[] {
    const here = this.#arrivals.slice(0, index + 1)
    const counting = new Set(here.filter((each) => each.counts).map((each) => each.eventId))
    const followed = new Set<string>()
    const follow = (eventId: string): void => {
      for (const previous of this.#event(eventId)?.prevEvents ?? []) {
        if (followed.has(previous)) continue
        followed.add(previous)
        // What does not count is looked through.
        if (!counting.has(previous)) follow(previous)
      }
    }
    for (const eventId of counting) follow(eventId)
    return [...counting].filter((eventId) => !followed.has(eventId)).map(nameOf)
  }

  #membershipIn(state: StateMap, userId: string): unknown {
    return this.#event(state.get(stateKeyText('m.room.member', userId)))?.content['membership']
  }

  #event(eventId: string | undefined): Event | undefined {
    return eventId === undefined ? undefined : this.#graph.events.get(eventId as EventId)
  }
}

function nameOf(eventId: string): string {
  return eventId.slice(1, -2)
}
