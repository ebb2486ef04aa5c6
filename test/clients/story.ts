/** What the numbered steps of a story hand on to each other, and how they are played. */
import type { TestContext } from 'node:test'
import type { Person, RecoveryKeys } from './person.ts'

/** Filled in by the steps, in order. Reading what no step has reached yet throws, naming it. */
export interface Story {
  baseUrl: string
  alice: Person
  /** Alice's second device. */
  phone: Person
  bob: Person
  aliceKeys: RecoveryKeys
  bobKeys: RecoveryKeys
  roomId: string
  /** Alice's first message, to which the others refer. */
  helloId: string
  answerId: string
  threadReplyId: string
  blunderId: string
  /** A room that is not encrypted, and what it is about. */
  boardId: string
  noticeId: string
}

/** A step: a sentence, and what makes it true. */
export type Step = readonly [sentence: string, play: (story: Story) => Promise<void>]

/** Plays the steps in order, each as a test of its own; after one that fails, the rest is skipped. */
export async function play(t: TestContext, baseUrl: string, steps: readonly Step[]): Promise<void> {
  const known: Partial<Story> = { baseUrl }
  const story = new Proxy(known, {
    get(target, name) {
      const value = target[name as keyof Story]
      if (value === undefined) throw new Error(`no step has reached '${String(name)}' yet`)
      return value
    },
  }) as Story
  t.after(async () => {
    for (const person of [known.alice, known.phone, known.bob]) await person?.stop()
  })
  let failed: string | undefined
  for (const [index, [sentence, run]] of steps.entries()) {
    const name = `${String(index + 1).padStart(2, '0')} ${sentence}`
    await t.test(name, { skip: failed !== undefined && `'${failed}' failed` }, async () => {
      try {
        await run(story)
      } catch (error) {
        failed = name
        throw error
      }
    })
  }
}
