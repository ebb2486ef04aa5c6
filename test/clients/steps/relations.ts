/** Edits, threads and reactions, as a client's own model has them: while they come, and told by the server afterwards. */
import assert from 'node:assert/strict'
import {
  AuthType,
  ClientEvent,
  createClient,
  EventType,
  type MatrixClient,
  Method,
  MsgType,
  Preset,
  RelationType,
  type Room,
  SyncState,
} from 'matrix-js-sdk'
import type { Person } from '../person.ts'
import type { Step, Story } from '../story.ts'

/** More than a client is told of a room to begin with, so that it has to ask for what lies before. */
const chatter = 12

function boardOf(person: Person, { boardId }: Story): Room {
  const room = person.client.getRoom(boardId)
  assert.ok(room !== null, `${person.userId} does not know the board`)
  return room
}

/** Sends as another device of the person would: the client has no echo of its own to count. */
async function send(person: Person, { boardId }: Story, type: string, content: object): Promise<void> {
  sent += 1
  await person.client.http.authedRequest(
    Method.Put,
    `/rooms/${boardId}/send/${type}/elsewhere${sent}`,
    undefined,
    content,
  )
}

let sent = 0

/** A client, not yet started, of somebody who has just come to the board. */
async function newcomer({ baseUrl, boardId }: Story): Promise<MatrixClient> {
  const { access_token: accessToken, ...made } = await createClient({ baseUrl }).registerRequest({
    username: 'carol',
    password: 'a long spoon, please',
    auth: { type: AuthType.Dummy },
  })
  assert.ok(accessToken !== undefined && made.device_id !== undefined)
  const { user_id: userId, device_id: deviceId } = made
  const client = createClient({ baseUrl, accessToken, userId, deviceId, timelineSupport: true })
  await client.joinRoom(boardId)
  return client
}

/** How often each key was given to the notice, as the client counts. */
function reactionsIn(room: Room, noticeId: string): string[] | undefined {
  const found = room.relations.getChildEventsForEvent(noticeId, RelationType.Annotation, EventType.Reaction)
  return found?.getSortedAnnotationsByKey()?.map(([key, events]) => `${key} ${events.size}`)
}

export const relationSteps: readonly Step[] = [
  [
    'Bob edits his notice on an open board, and Alice reads the new words',
    async (story) => {
      const { alice, bob } = story
      const made = await alice.client.createRoom({ name: 'Board', preset: Preset.PublicChat })
      story.boardId = made.room_id
      await bob.client.joinRoom(story.boardId)
      story.noticeId = (await bob.client.sendTextMessage(story.boardId, 'Hats for sail')).event_id
      await alice.reads(story.boardId, story.noticeId)
      const relation = { rel_type: RelationType.Replace, event_id: story.noticeId }
      const better = { msgtype: MsgType.Text, body: 'Hats for sale' }
      const edit = { ...better, 'm.new_content': better, 'm.relates_to': relation }
      await send(bob, story, EventType.RoomMessage, edit)
      const event = boardOf(alice, story).findEventById(story.noticeId)
      await alice.until('the edit', () => event?.getContent()['body'] === 'Hats for sale')
      assert.equal(event?.getOriginalContent()['body'], 'Hats for sail')
    },
  ],
  [
    'both reply in a thread and react, and Alice’s client counts two of each',
    async (story) => {
      const { alice, bob, noticeId } = story
      const room = boardOf(alice, story)
      for (const [index, person] of [bob, alice].entries()) {
        const thread = { rel_type: RelationType.Thread, event_id: noticeId }
        const body = { msgtype: MsgType.Text, body: 'Ten shillings and sixpence', 'm.relates_to': thread }
        await send(person, story, EventType.RoomMessage, body)
        const relation = { rel_type: RelationType.Annotation, event_id: noticeId, key: '🎩' }
        await send(person, story, EventType.Reaction, { 'm.relates_to': relation })
        await alice.until('the reply', () => room.getThread(noticeId)?.length === index + 1)
        await alice.until('the reaction', () => reactionsIn(room, noticeId)?.[0] === `🎩 ${index + 1}`)
        await alice.settled()
      }
    },
  ],
  [
    'Carol, who comes long afterwards, is told of edit, thread and reactions by the server',
    async (story) => {
      const { alice, bob, boardId, noticeId } = story
      for (let count = 0; count < chatter; count += 1) await bob.client.sendTextMessage(boardId, `Tick ${count}`)
      const client = await newcomer(story)
      try {
        await client.startClient({ initialSyncLimit: 5, threadSupport: true })
        while (client.getSyncState() !== SyncState.Syncing)
          await new Promise((resolve) => client.once(ClientEvent.Sync, resolve))
        const room = client.getRoom(boardId)
        assert.ok(room !== null)
        assert.equal(room.findEventById(noticeId), undefined, 'the notice lies before what it begins with')
        await client.getEventTimeline(room.getUnfilteredTimelineSet(), noticeId)
        const event = room.findEventById(noticeId)
        assert.equal(event?.getContent()['body'], 'Hats for sale')
        await room.createThreadsTimelineSets()
        await room.fetchRoomThreads()
        const thread = room.getThread(noticeId)
        assert.equal(thread?.length, 2)
        assert.equal(thread.hasCurrentUserParticipated, false)
        assert.equal(thread.replyToEvent?.getSender(), alice.userId)
        const { events } = await client.relations(boardId, noticeId, RelationType.Annotation, EventType.Reaction)
        assert.deepEqual(
          events.map((each) => `${each.getRelation()?.key} ${each.getSender()}`),
          [`🎩 ${alice.userId}`, `🎩 ${bob.userId}`],
        )
      } finally {
        client.stopClient()
      }
    },
  ],
]
