/** A room, and everything two people do in it. */
import assert from 'node:assert/strict'
import { EventType, KnownMembership, MsgType, Preset, RelationType, type Room } from 'matrix-js-sdk'
import type { Person } from '../person.ts'
import type { Step, Story } from '../story.ts'

/** The room as one of the two knows it. */
export function roomOf(person: Person, { roomId }: Story): Room {
  const room = person.client.getRoom(roomId)
  assert.ok(room !== null, `${person.userId} does not know the room`)
  return room
}

/** Says `body` in the room; gives the event id. */
export async function say(person: Person, { roomId }: Story, body: string): Promise<string> {
  return (await person.client.sendTextMessage(roomId, body)).event_id
}

const gathering: readonly Step[] = [
  [
    'Alice creates an encrypted room',
    async (story) => {
      const { room_id: roomId } = await story.alice.client.createRoom({
        name: 'Tea party',
        preset: Preset.PrivateChat,
        initial_state: [
          { type: EventType.RoomEncryption, state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
        ],
      })
      story.roomId = roomId
      await story.alice.until('the new room', () => story.alice.client.getRoom(roomId)?.name === 'Tea party')
      assert.equal(await story.alice.crypto.isEncryptionEnabledInRoom(roomId), true)
      assert.equal(roomOf(story.alice, story).getVersion(), '12')
    },
  ],
  [
    'Alice invites Bob, who sees from whom and to where',
    async (story) => {
      const { alice, bob, roomId } = story
      await alice.client.invite(roomId, bob.userId)
      const room = await bob.until('the invite', () => {
        const invited = bob.client.getRoom(roomId)
        return invited?.getMyMembership() === KnownMembership.Invite && invited
      })
      assert.equal(room.getMember(bob.userId)?.events.member?.getSender(), alice.userId)
      assert.equal(room.name, 'Tea party')
    },
  ],
  [
    'Bob joins, and both see each other',
    async (story) => {
      const { alice, bob, roomId } = story
      await bob.client.joinRoom(roomId)
      await bob.until('Alice in the room', () => {
        return bob.client.getRoom(roomId)?.getMember(alice.userId)?.membership === KnownMembership.Join
      })
      const member = await alice.until('Bob in the room', () => {
        const seen = alice.client.getRoom(roomId)?.getMember(bob.userId)
        return seen?.membership === KnownMembership.Join && seen
      })
      assert.equal(member.userId, bob.userId)
      assert.equal(roomOf(bob, story).getMember(alice.userId)?.name, 'Alice Liddell')
    },
  ],
]

const talking: readonly Step[] = [
  [
    'Bob reads what Alice says, and it was encrypted',
    async (story) => {
      story.helloId = await say(story.alice, story, 'Have some wine')
      assert.deepEqual(await story.bob.reads(story.roomId, story.helloId), { body: 'Have some wine', encrypted: true })
    },
  ],
  [
    'Alice reads what Bob answers',
    async (story) => {
      story.answerId = await say(story.bob, story, 'There is no wine')
      const read = await story.alice.reads(story.roomId, story.answerId)
      assert.deepEqual(read, { body: 'There is no wine', encrypted: true })
    },
  ],
  [
    'Bob reacts, and Alice sees the reaction on her message',
    async (story) => {
      const { alice, bob, roomId, helloId } = story
      const relation = { rel_type: RelationType.Annotation, event_id: helloId, key: '🍷' } as const
      await bob.client.sendEvent(roomId, EventType.Reaction, { 'm.relates_to': relation })
      const keys = await alice.until('the reaction', () => {
        const { relations } = roomOf(alice, story)
        const found = relations.getChildEventsForEvent(helloId, RelationType.Annotation, EventType.Reaction)
        return found?.getSortedAnnotationsByKey()?.map(([key, events]) => `${key} ${events.size}`)
      })
      assert.deepEqual(keys, ['🍷 1'])
    },
  ],
  [
    'Bob replies in a thread; the server sums the thread up on its root',
    async (story) => {
      const { alice, bob, roomId, helloId } = story
      const relation = { rel_type: RelationType.Thread, event_id: helloId } as const
      const content = { msgtype: MsgType.Text, body: 'I do not see any', 'm.relates_to': relation } as const
      story.threadReplyId = (await bob.client.sendEvent(roomId, helloId, EventType.RoomMessage, content)).event_id
      const thread = await alice.until('the thread', () => {
        const found = roomOf(alice, story).getThread(helloId)
        return found?.replyToEvent?.getId() === story.threadReplyId && found
      })
      assert.equal(thread.length, 1)
      const root = await alice.client.fetchRoomEvent(roomId, helloId)
      const summary = root.unsigned?.['m.relations']?.['m.thread'] as Record<string, unknown> | undefined
      assert.equal(summary?.['count'], 1)
      assert.equal(summary['current_user_participated'], true)
      assert.equal((summary['latest_event'] as { event_id: string }).event_id, story.threadReplyId)
    },
  ],
  [
    'Alice sees Bob type, and stop',
    async (story) => {
      const { alice, bob, roomId } = story
      const typing = (): boolean | undefined => roomOf(alice, story).getMember(bob.userId)?.typing
      await bob.client.sendTyping(roomId, true, 20_000)
      await alice.until('Bob to type', () => typing() === true)
      await bob.client.sendTyping(roomId, false, 0)
      await alice.until('Bob to stop typing', () => typing() === false)
    },
  ],
  [
    'Alice sees that Bob has read what she said',
    async (story) => {
      const { alice, bob, roomId } = story
      const lastId = await say(alice, story, 'Then it was not very civil of you to offer it')
      await bob.reads(roomId, lastId)
      const event = roomOf(bob, story).findEventById(lastId)
      assert.ok(event !== undefined)
      await bob.client.sendReadReceipt(event)
      await alice.until('the receipt', () => roomOf(alice, story).hasUserReadEvent(bob.userId, lastId))
    },
  ],
  [
    'Alice takes back what she said, and Bob no longer has it',
    async (story) => {
      const { alice, bob, roomId } = story
      story.blunderId = await say(alice, story, 'Your hair wants cutting')
      await bob.reads(roomId, story.blunderId)
      await alice.client.redactEvent(roomId, story.blunderId)
      await bob.until('the redaction', () => roomOf(bob, story).findEventById(story.blunderId)?.isRedacted())
      const kept = await bob.client.fetchRoomEvent(roomId, story.blunderId)
      assert.deepEqual(kept.content, {})
      assert.equal(kept.unsigned?.redacted_because?.sender, alice.userId)
    },
  ],
]

export const talkSteps: readonly Step[] = [...gathering, ...talking]
