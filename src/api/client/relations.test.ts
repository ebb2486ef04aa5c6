import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { idsOf, openTalkers } from '../../../test/talkers.ts'

const client = '/_matrix/client/v3'
const clientV1 = '/_matrix/client/v1'
const encode = encodeURIComponent

eachEngine('what relates to an event is bundled with it and listed', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const root = await alice.say(roomId, 'root')
  const relate = (rel_type: string, event_id: string, more: object = {}): object => ({
    msgtype: 'm.text',
    body: rel_type,
    'm.relates_to': { rel_type, event_id, ...more },
  })
  const first = await bob.send(roomId, relate('m.thread', root))
  const reply = await bob.send(roomId, relate('m.thread', root))
  const edit = { ...relate('m.replace', root), 'm.new_content': { msgtype: 'm.text', body: 'edited' } }
  const edited = await alice.send(roomId, edit)
  await bob.send(roomId, edit)
  const replyEdit = await bob.send(roomId, { ...relate('m.replace', reply), 'm.new_content': { body: 'better' } })
  const reference = await bob.send(roomId, relate('m.reference', root))
  const reaction = await bob.send(roomId, relate('m.annotation', root, { key: '👍' }), 'm.reaction')

  const path = `${client}/rooms/${roomId}/event/${encode(root)}`
  const relations = (await alice.ok('GET', path)).unsigned['m.relations']
  assert.equal(relations['m.replace'].event_id, edited)
  assert.deepEqual(relations['m.reference'], { chunk: [{ event_id: reference }] })
  assert.equal(relations['m.thread'].count, 2)
  assert.equal(relations['m.thread'].latest_event.event_id, reply)
  assert.equal(relations['m.thread'].latest_event.unsigned['m.relations']['m.replace'].event_id, replyEdit)
  assert.equal(relations['m.thread'].current_user_participated, true, 'alice began it')
  assert.equal('m.annotation' in relations, false)

  const list = `${clientV1}/rooms/${roomId}/relations/${encode(root)}`
  const thread = await alice.ok('GET', `${list}/m.thread?limit=1`)
  assert.deepEqual(idsOf(thread.chunk), [reply])
  assert.deepEqual(idsOf((await alice.ok('GET', `${list}/m.thread?from=${thread.next_batch}`)).chunk), [first])
  assert.deepEqual(idsOf((await alice.ok('GET', `${list}/m.thread?dir=f`)).chunk), [first, reply])
  assert.deepEqual(idsOf((await alice.ok('GET', `${list}/m.annotation/m.reaction`)).chunk), [reaction])
  assert.equal((await alice.ok('GET', list)).chunk.length, 6)
  const deep = await alice.ok('GET', `${list}?recurse=true`)
  assert.equal(deep.chunk.length, 7)
  assert.equal(deep.recursion_depth, 3)

  await bob.ok('PUT', `${client}/rooms/${roomId}/redact/${encode(reply)}/r1`, {})
  const later = (await alice.ok('GET', path)).unsigned['m.relations']
  assert.equal(later['m.thread'].count, 1)
  assert.equal(later['m.thread'].latest_event.event_id, first)
})

eachEngine('threads are listed by their newest event', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const roots = [await alice.say(roomId, 'a'), await alice.say(roomId, 'b'), await bob.say(roomId, 'c')]
  const answer = (root: string | undefined): Promise<string> =>
    alice.send(roomId, { body: 'x', 'm.relates_to': { rel_type: 'm.thread', event_id: root } })
  for (const index of [1, 2, 0]) await answer(roots[index])
  const path = `${clientV1}/rooms/${roomId}/threads`
  const page = await bob.ok('GET', `${path}?limit=2`)
  assert.deepEqual(idsOf(page.chunk), [roots[0], roots[2]])
  assert.equal(page.chunk[0].unsigned['m.relations']['m.thread'].count, 1)
  const rest = await bob.ok('GET', `${path}?limit=2&from=${page.next_batch}`)
  assert.deepEqual(idsOf(rest.chunk), [roots[1]])
  assert.equal('next_batch' in rest, false)
  assert.deepEqual(idsOf((await bob.ok('GET', `${path}?include=participated`)).chunk), [roots[2]])
  assert.equal((await bob.call('GET', `${path}?from=nonsense`)).body.errcode, 'M_INVALID_PARAM')
})

eachEngine('relations are read in pages in both directions, and as deep as asked', async (t, database) => {
  const { alice } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const root = await alice.say(roomId, 'root')
  const relate = (rel_type: string, event_id: string, type?: string): Promise<string> =>
    alice.send(roomId, { body: 'x', 'm.new_content': {}, 'm.relates_to': { rel_type, event_id, key: event_id } }, type)
  // A chain, in which each relates to the one before: only three steps are followed.
  const chain = [root]
  for (let depth = 1; depth <= 5; depth++) chain.push(await relate('m.reference', chain[depth - 1] ?? ''))
  const replies: string[] = []
  for (let count = 0; count < 7; count++) replies.push(await relate('m.thread', root))
  const reaction = await relate('m.annotation', replies[0] ?? '', 'm.reaction')
  const list = `${clientV1}/rooms/${roomId}/relations/${encode(root)}`
  const pages = async (path: string, query: string): Promise<string[][]> => {
    const found: string[][] = []
    let from = ''
    for (;;) {
      const page = await alice.ok('GET', `${path}?${query}${from}`)
      found.push(idsOf(page.chunk))
      assert.equal(page.prev_batch, from === '' ? undefined : from.slice('&from='.length))
      if (page.next_batch === undefined) return found
      from = `&from=${page.next_batch}`
    }
  }
  assert.deepEqual(await pages(`${list}/m.thread`, 'limit=3&dir=f'), [
    replies.slice(0, 3),
    replies.slice(3, 6),
    replies.slice(6),
  ])
  const backwards = replies.toReversed()
  assert.deepEqual(await pages(`${list}/m.thread`, 'limit=4'), [backwards.slice(0, 4), backwards.slice(4)])
  assert.deepEqual((await pages(list, 'limit=2&dir=f')).flat(), [chain[1], ...replies])
  const deep = (await pages(list, 'limit=4&dir=f&recurse=true')).flat()
  assert.deepEqual(deep, [...chain.slice(1, 4), ...replies, reaction])
  assert.deepEqual((await pages(`${list}/m.annotation/m.reaction`, 'recurse=true')).flat(), [reaction])
  assert.deepEqual((await pages(`${list}/m.annotation/m.room.message`, 'recurse=true')).flat(), [])
  const half = await alice.ok('GET', `${list}/m.thread?dir=f&limit=2`)
  const between = await alice.ok('GET', `${list}/m.thread?dir=f&to=${half.next_batch}`)
  assert.deepEqual(idsOf(between.chunk), replies.slice(0, 2))
  const bad = `${clientV1}/rooms/${roomId}/relations/${encode('$unknown')}`
  assert.equal((await alice.call('GET', bad)).body.errcode, 'M_NOT_FOUND')
})

eachEngine('what ignored users say is in no page, and their state is', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const join = `${client}/rooms/${roomId}/join`
  await bob.ok('POST', join)
  const root = await alice.say(roomId, 'root')
  const thread = (event_id: string): object => ({ body: 'x', 'm.relates_to': { rel_type: 'm.thread', event_id } })
  await bob.send(roomId, thread(root))
  const bobsRoot = await bob.say(roomId, 'root of bob')
  await alice.send(roomId, thread(bobsRoot))
  const senders = async (path: string): Promise<string[]> =>
    (await alice.ok('GET', `${path}`)).chunk.map(
      (event: { sender: string; type: string }) => `${event.sender} ${event.type}`,
    )
  const messages = `${client}/rooms/${roomId}/messages?dir=b&limit=100`
  const relations = `${clientV1}/rooms/${roomId}/relations/${encode(root)}`
  const threads = `${clientV1}/rooms/${roomId}/threads`
  const [of, say] = [`${bob.userId} m.room.member`, `${bob.userId} m.room.message`]
  assert.equal((await senders(messages)).includes(say), true)
  assert.deepEqual(await senders(relations), [say])
  assert.equal((await senders(threads)).length, 2)
  const ignored = { ignored_users: { [bob.userId]: {} } }
  await alice.ok('PUT', `${client}/user/${alice.userId}/account_data/m.ignored_user_list`, ignored)
  const left = await senders(messages)
  assert.equal(left.includes(say), false)
  assert.equal(left.includes(of), true)
  assert.deepEqual(await senders(relations), [])
  assert.deepEqual(await senders(threads), [`${alice.userId} m.room.message`])
  assert.equal((await alice.ok('GET', threads)).chunk[0].unsigned['m.relations'], undefined)
})

eachEngine('a filter finds the events that others relate to', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const [first, second, third] = [
    await alice.say(roomId, '1'),
    await alice.say(roomId, '2'),
    await alice.say(roomId, '3'),
  ]
  const relate = (rel_type: string, event_id: string): object => ({ body: 'x', 'm.relates_to': { rel_type, event_id } })
  await alice.send(roomId, relate('m.thread', first))
  await bob.send(roomId, relate('m.thread', second))
  const reference = await bob.send(roomId, relate('m.reference', third))
  const found = async (filter: object): Promise<string[]> => {
    const query = `dir=f&limit=100&filter=${encode(JSON.stringify(filter))}`
    return idsOf((await alice.ok('GET', `${client}/rooms/${roomId}/messages?${query}`)).chunk)
  }
  assert.deepEqual(await found({ related_by_rel_types: ['m.thread'] }), [first, second])
  assert.deepEqual(await found({ related_by_senders: [bob.userId] }), [second, third])
  assert.deepEqual(await found({ related_by_senders: [bob.userId], related_by_rel_types: ['m.thread'] }), [second])
  assert.deepEqual(await found({ related_by_rel_types: ['m.thread', 'm.reference'], not_types: ['m.room.*'] }), [])
  assert.deepEqual(await found({ related_by_senders: ['@nobody:example.org'] }), [])
  await bob.ok('PUT', `${client}/rooms/${roomId}/redact/${encode(reference)}/r`, {})
  assert.deepEqual(await found({ related_by_senders: [bob.userId] }), [second])
  const wrong = encode(JSON.stringify({ related_by_rel_types: 'm.thread' }))
  const path = `${client}/rooms/${roomId}/messages?dir=f&filter=${wrong}`
  assert.equal((await alice.call('GET', path)).body.errcode, 'M_INVALID_PARAM')
})
