/** What is unread, as a client's own model has it: the server counts, and other devices read. */
import assert from 'node:assert/strict'
import { EventType, Method, MsgType, NotificationCountType, PushRuleKind, RelationType, type Room } from 'matrix-js-sdk'
import type { Person } from '../person.ts'
import type { Step, Story } from '../story.ts'

const { Total, Highlight } = NotificationCountType

function boardOf(person: Person, { boardId }: Story): Room {
  const room = person.client.getRoom(boardId)
  assert.ok(room !== null, `${person.userId} does not know the board`)
  return room
}

/** Says something on the board; gives its id. */
async function say(person: Person, { boardId }: Story, more: object = {}): Promise<string> {
  const content = { msgtype: MsgType.Text, body: 'A hat', ...more }
  const path = `/rooms/${boardId}/send/${EventType.RoomMessage}/unread${(said += 1)}`
  const sent = await person.client.http.authedRequest<{ event_id: string }>(Method.Put, path, undefined, content)
  return sent.event_id
}

let said = 0

/** Reads as another device of the person would: their client only hears of it. */
async function readElsewhere(person: Person, { boardId }: Story, type: string, eventId: string, threadId?: string) {
  const path = `/rooms/${boardId}/receipt/${type}/${encodeURIComponent(eventId)}`
  const body = threadId === undefined ? {} : { thread_id: threadId }
  await person.client.http.authedRequest(Method.Post, path, undefined, body)
}

/** What the client counts: all in all, on the main timeline, there standing out, and in the thread. */
function countsIn(room: Room, threadId: string): number[] {
  return [
    room.getUnreadNotificationCount(Total),
    room.getRoomUnreadNotificationCount(Total),
    room.getRoomUnreadNotificationCount(Highlight),
    room.getThreadUnreadNotificationCount(threadId, Total),
  ]
}

/** Waits until the client counts so, and says what it counts when it does not. */
async function counts(person: Person, story: Story, wanted: readonly number[]): Promise<void> {
  const room = boardOf(person, story)
  const found = (): string => countsIn(room, story.noticeId).join(' ')
  await person.until(`the counts ${wanted.join(' ')}`, () => found() === wanted.join(' '))
}

export const unreadSteps: readonly Step[] = [
  [
    'Alice’s client counts what Bob says on the board, in the thread apart, and what means her',
    async (story) => {
      const { alice, bob, noticeId } = story
      await readElsewhere(alice, story, 'm.read', await say(bob, story))
      await counts(alice, story, [0, 0, 0, 0])
      await say(bob, story)
      await say(bob, story, { 'm.mentions': { user_ids: [alice.userId] } })
      await say(bob, story, { 'm.relates_to': { rel_type: RelationType.Thread, event_id: noticeId } })
      await counts(alice, story, [3, 2, 1, 1])
    },
  ],
  [
    'she reads the thread and then the room on another device, the latter in secret, and nothing is left',
    async (story) => {
      const { alice, bob, noticeId } = story
      const reply = await say(bob, story, { 'm.relates_to': { rel_type: RelationType.Thread, event_id: noticeId } })
      await counts(alice, story, [4, 2, 1, 2])
      await readElsewhere(alice, story, 'm.read', reply, noticeId)
      await counts(alice, story, [2, 2, 1, 0])
      const last = await say(bob, story)
      await counts(alice, story, [3, 3, 1, 0])
      await readElsewhere(alice, story, 'm.read.private', last, 'main')
      await counts(alice, story, [0, 0, 0, 0])
    },
  ],
  [
    'she mutes the board by a rule of hers, and nothing there counts until it is gone',
    async (story) => {
      const { alice, bob, boardId } = story
      await say(bob, story)
      await counts(alice, story, [1, 1, 0, 0])
      const rule = ['global', PushRuleKind.RoomSpecific, boardId] as const
      await alice.client.addPushRule(...rule, { actions: [] })
      await counts(alice, story, [0, 0, 0, 0])
      await say(bob, story)
      await alice.client.deletePushRule(...rule)
      await counts(alice, story, [2, 2, 0, 0])
    },
  ],
]
