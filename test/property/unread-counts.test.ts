/** What is unread, against a model that counts everything again from the events each time. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { JsonObject } from '#protocol/json.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { withLegacyMentions } from '#protocol/legacy-push-rules.ts'
import { compilePushRules, PushEvaluator } from '#protocol/push-evaluation.ts'
import { pushRulesOf } from '#protocol/push-rules.ts'
import type { Room } from '#rooms/known-rooms.ts'
import { UnreadCounts } from '#rooms/unread-counts.ts'
import type { Requester } from '#users/requester.ts'
import { eachEngine, testDatabase } from '../databases.ts'
import { someone, testServerName } from '../rooms-floor.ts'
import { openSyncFloor, type SyncFloor } from '../sync-floor.ts'
import { read } from '../unread-floor.ts'

const people = ['alice', 'bob', 'carol'].map((name) => someone(name))
const actions = [
  'say', 'say', 'say', 'reply', 'reply', 'refer', 'react', 'edit', 'mention', 'mentionRoom', 'name', 'notice', 'burst',
  'redact', 'redact', 'read', 'read', 'readMain', 'readThread', 'readPrivate', 'readNewest', 'leave', 'join', 'rename',
  'mute', 'quiet', 'ignore', 'forget', 'restart',
] as const // prettier-ignore

const step = fc.record({
  who: fc.nat(people.length - 1),
  whom: fc.nat(people.length - 1),
  room: fc.nat(1),
  /** Which of the events so far, counted from the newest. */
  back: fc.nat(40),
  action: fc.constantFrom(...actions),
  looks: fc.nat(3).map((number) => number === 0),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** An event as the model knows it. */
interface Told {
  readonly eventId: string
  readonly type: string
  readonly sender: UserId
  readonly content: JsonObject
  readonly thread: string
  readonly isState: boolean
  /** How many were joined before it. */
  readonly joined: number
  isRedacted: boolean
}

/** What the model knows of someone. */
interface Known {
  readonly ignored: Set<UserId>
  readonly muted: Set<string>
  isQuiet: boolean
}

interface RoomModel {
  readonly room: Room
  readonly events: Told[]
  /** Since which event each is joined. */
  readonly since: Map<UserId, number>
  readonly names: Map<UserId, string>
  /** By user, type and thread: the place of the event. */
  readonly receipts: Map<string, number>
}

class Story {
  floor: SyncFloor
  readonly rooms: RoomModel[] = []
  readonly known = new Map<UserId, Known>(
    people.map(({ userId }) => [userId, { ignored: new Set(), muted: new Set(), isQuiet: false }]),
  )
  readonly #database: Parameters<typeof openSyncFloor>[0]
  #sent = 0

  private constructor(database: Parameters<typeof openSyncFloor>[0], floor: SyncFloor) {
    this.#database = database
    this.floor = floor
  }

  static async begin(database: Parameters<typeof openSyncFloor>[0]): Promise<Story> {
    const story = new Story(database, await openSyncFloor(database))
    for (let i = 0; i < 2; i++) {
      const roomId = await story.floor.createRoom.create(someone('host'), { preset: 'public_chat' })
      const room = await story.floor.knownRooms.require(roomId)
      story.rooms.push({ room, events: [], since: new Map(), names: new Map(), receipts: new Map() })
    }
    for (const model of story.rooms) for (const person of people) await story.join(model, person)
    return story
  }

  async join(model: RoomModel, requester: Requester): Promise<void> {
    if (model.since.has(requester.userId)) return
    await this.floor.membership.join({ requester, room: model.room })
    this.#note(model, { type: 'm.room.member', sender: requester.userId, isState: true })
    model.since.set(requester.userId, model.events.length)
    model.names.delete(requester.userId)
  }

  #note(model: RoomModel, told: Partial<Told> & Pick<Told, 'type' | 'sender'>): void {
    const joined = model.since.size + 1
    model.events.push({
      eventId: '', content: {}, thread: 'main', isState: false, isRedacted: false, joined, ...told,
    }) // prettier-ignore
  }

  async #send(model: RoomModel, requester: Requester, content: JsonObject, more: Partial<Told> = {}): Promise<void> {
    const type = more.type ?? 'm.room.message'
    const txnId = `t${++this.#sent}`
    const eventId = await this.floor.sendEvent.send({ requester, room: model.room, type, content, txnId })
    this.#note(model, { ...more, eventId, type, sender: requester.userId, content })
  }

  async take({ who, whom, room, back, action }: Step): Promise<void> {
    const [person, other, model] = [people[who], people[whom], this.rooms[room]]
    assert.ok(person && other && model)
    const { userId } = person
    const said = model.events.filter((event) => event.eventId !== '')
    const target = said[said.length - 1 - (back % Math.max(said.length, 1))]
    const isHere = model.since.has(userId)
    const text = (more: JsonObject = {}): JsonObject => ({ msgtype: 'm.text', body: 'hello', ...more })
    const known = this.known.get(userId)
    assert.ok(known)
    const { pushRules, accountData, membership, sendEvent } = this.floor
    switch (action) {
      case 'mute': {
        const rule = { userId, kind: 'room', ruleId: model.room.roomId }
        if (known.muted.delete(model.room.roomId)) return pushRules.delete(rule)
        known.muted.add(model.room.roomId)
        return pushRules.put(rule, { actions: [] }, {})
      }
      case 'quiet':
        known.isQuiet = !known.isQuiet
        return pushRules.setActions(
          { userId, kind: 'underride', ruleId: '.m.rule.message' },
          known.isQuiet ? [] : ['notify'],
        )
      case 'ignore': {
        if (!known.ignored.delete(other.userId) && userId !== other.userId) known.ignored.add(other.userId)
        const ignored = Object.fromEntries([...known.ignored].map((each) => [each, {}]))
        return accountData.set(userId, null, 'm.ignored_user_list', { ignored_users: ignored })
      }
      case 'join':
        return this.join(model, person)
      case 'forget':
        return this.floor.unreadCounts.forgetRoom(model.room)
      case 'restart':
        await this.floor.unreadCounts.settled()
        await this.floor.unreadCounts.close()
        this.floor = await openSyncFloor(this.#database)
        return
      default:
    }
    if (!isHere) return
    switch (action) {
      case 'say':
        return this.#send(model, person, text())
      case 'burst':
        for (let i = 0; i < 15; i++) await this.#send(model, person, text())
        return
      case 'notice':
        return this.#send(model, person, { msgtype: 'm.notice', body: 'hello' })
      case 'mention':
        return this.#send(model, person, text({ 'm.mentions': { user_ids: [other.userId] } }))
      case 'mentionRoom':
        return this.#send(model, person, text({ 'm.mentions': { room: true } }))
      case 'name':
        return this.#send(model, person, text({ body: 'ask bob, or the Queen' }))
      case 'leave':
        await membership.leave({ requester: person, room: model.room })
        this.#note(model, { type: 'm.room.member', sender: userId, isState: true })
        model.since.delete(userId)
        return
      case 'rename': {
        const name = model.names.has(userId) ? undefined : 'Queen'
        const content = { membership: 'join', ...(name === undefined ? {} : { displayname: name }) }
        await sendEvent.send({ requester: person, room: model.room, type: 'm.room.member', stateKey: userId, content })
        this.#note(model, { type: 'm.room.member', sender: userId, isState: true })
        if (name === undefined) model.names.delete(userId)
        else model.names.set(userId, name)
        return
      }
      default:
    }
    if (target === undefined) return
    const relates = (relType: string, eventId = target.eventId) => ({
      'm.relates_to': { rel_type: relType, event_id: eventId },
    })
    switch (action) {
      case 'reply': {
        const root = target.thread !== 'main' ? target.thread : target.content['m.relates_to'] ? '' : target.eventId
        if (root !== '') await this.#send(model, person, text(relates('m.thread', root)), { thread: root })
        return
      }
      case 'refer':
        return this.#send(model, person, text(relates('m.reference')), { thread: this.threadOf(model, target) })
      case 'react': {
        const type = 'm.reaction'
        const content = { 'm.relates_to': { ...relates('m.annotation')['m.relates_to'], key: `k${this.#sent}` } }
        return this.#send(model, person, content, { type, thread: this.threadOf(model, target) })
      }
      case 'edit':
        return this.#send(model, person, text({ 'm.new_content': text(), ...relates('m.replace') }), {
          thread: this.threadOf(model, target),
        })
      case 'redact': {
        if (target.sender !== userId || target.isRedacted || target.type === 'm.room.redaction') return
        await this.floor.redact.redact({
          requester: person,
          room: model.room,
          eventId: target.eventId as never,
          content: {},
        })
        target.isRedacted = true
        return this.#note(model, { type: 'm.room.redaction', sender: userId })
      }
      case 'read':
      case 'readNewest':
        return this.#read(model, person, action === 'read' ? target : (said.at(-1) ?? target), '', 'm.read')
      case 'readPrivate':
        return this.#read(model, person, target, '', 'm.read.private')
      case 'readMain':
        return target.thread === 'main' ? this.#read(model, person, target, 'main', 'm.read') : undefined
      case 'readThread':
        return target.thread === 'main' ? undefined : this.#read(model, person, target, target.thread, 'm.read')
      default:
    }
  }

  /** The thread of what relates to an event otherwise: at most three steps from a reply. */
  threadOf(model: RoomModel, target: Told): string {
    let event: Told | undefined = target
    for (let hop = 0; hop < 3 && event !== undefined; hop++) {
      const relation = event.content['m.relates_to'] as { rel_type: string; event_id: string } | undefined
      if (relation === undefined) return 'main'
      if (relation.rel_type === 'm.thread') return relation.event_id
      event = model.events.find((each) => each.eventId === relation.event_id)
    }
    return 'main'
  }

  async #read(model: RoomModel, person: Requester, target: Told, thread: string, type: 'm.read' | 'm.read.private') {
    const place = model.events.indexOf(target)
    const { eventId } = target
    await read(this.floor, person, model.room, { eventId, type, ...(thread === '' ? {} : { threadId: thread }) })
    const name = `${person.userId} ${type} ${thread}`
    model.receipts.set(name, Math.max(place, model.receipts.get(name) ?? -1))
  }

  /** What someone has unread in a room, counted from nothing. */
  expected(model: RoomModel, { userId }: Requester): Record<string, readonly [number, number]> {
    const known = this.known.get(userId)
    assert.ok(known)
    const changes = new Map(known.isQuiet ? [['.m.rule.message', { actions: [] }]] : [])
    const muted = [...known.muted].map((id) => ({ rule_id: id, default: false, enabled: true, actions: [] }))
    const rules = compilePushRules(withLegacyMentions(pushRulesOf(userId, { room: muted }, changes), userId))
    const read = (thread: string): number =>
      Math.max(...['m.read', 'm.read.private'].map((type) => model.receipts.get(`${userId} ${type} ${thread}`) ?? -1))
    const counts: Record<string, [number, number]> = {}
    const since = model.since.get(userId) ?? Infinity
    for (const [place, event] of model.events.entries()) {
      if (place < since || place <= read('') || place <= read(event.thread) || event.isRedacted) continue
      if (known.ignored.has(event.sender) && !event.isState) continue
      const isAnswered = model.events.some(
        (own, at) =>
          at > place && own.sender === userId && own.thread === event.thread && !own.isState &&
          own.type !== 'm.room.redaction',
      ) // prettier-ignore
      if (isAnswered) continue
      const { type, sender, content, joined } = event
      const outcome = new PushEvaluator({
        event: { type, sender, content, room_id: model.room.roomId, ...(event.isState ? { state_key: sender } : {}) },
        memberCount: joined,
        senderLevel: 0,
        notificationLevel: () => 50,
      }).outcomeFor({ userId, displayName: model.names.get(userId) }, rules)
      if (outcome?.notify !== true) continue
      const count = (counts[event.thread] ??= [0, 0])
      count[0] += 1
      if (outcome.highlight) count[1] += 1
    }
    return counts
  }

  /** Holds what the server says against the model, for everybody in every room. */
  async compare(): Promise<void> {
    const { unreadCounts, streams } = this.floor
    await unreadCounts.settled()
    for (const person of people) {
      const joined = this.rooms.filter((model) => model.since.has(person.userId))
      const found = await unreadCounts.of(person.userId, joined.map((model) => model.room), streams.events.position) // prettier-ignore
      for (const [index, model] of joined.entries()) {
        const tallies = [...(found.get(model.room.roomNid) ?? [])]
        const counts = Object.fromEntries(tallies.map(([thread, tally]) => [thread, [tally.notify, tally.highlight]]))
        assert.deepEqual(counts, this.expected(model, person), `${person.userId} in room ${index}`)
      }
    }
  }
}

eachEngine('what is unread is what counting everything again gives', async (t, { engine }) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const story = await Story.begin(await testDatabase(t, { engine }))
      try {
        for (const each of steps) {
          await story.take(each)
          if (each.looks) await story.compare()
        }
        await story.compare()
        for await (const { faults } of UnreadCounts.faults(story.floor.database, testServerName))
          assert.deepEqual(faults, [])
      } finally {
        await story.floor.unreadCounts.close()
      }
    }),
    { numRuns: engine === 'sqlite' ? 60 : 6 },
  )
})
