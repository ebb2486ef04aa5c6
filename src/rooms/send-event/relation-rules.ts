import { Linearizer } from '#base/linearizer.ts'
import { currentAsker } from '#observability/asker.ts'
import { MatrixError } from '#protocol/errors.ts'
import { isJsonObject } from '#protocol/json.ts'
import { hasAnnotation, relatesToAnother } from '#storage/relations.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import type { SendRequest } from './send-request.ts'

/** What our users may relate to other events, beyond what the rules of the room say. */
export class RelationRules {
  readonly #database: Database
  readonly #interned: Interned
  /** The same annotation sent twice at once is sent one after the other, so that the second finds the first. */
  readonly #annotations = new Linearizer<string>()

  constructor(deps: { readonly database: Database; readonly interned: Interned }) {
    this.#database = deps.database
    this.#interned = deps.interned
  }

  /**
   * Sends an event with `send` unless its relation is refused: the second annotation of its kind by the same user, or a
   * thread that would begin at an event of another thread, an edit or an annotation. No query for an event without such
   * a relation.
   * https://spec.matrix.org/v1.19/client-server-api/#avoiding-duplicate-annotations
   * https://spec.matrix.org/v1.19/client-server-api/#validation-of-mthread-relationships
   * @throws MatrixError M_DUPLICATE_ANNOTATION, M_UNKNOWN.
   */
  async sendIfAllowed<T>(request: SendRequest, send: () => Promise<T>): Promise<T> {
    const relation = request.stateKey === undefined ? request.content['m.relates_to'] : undefined
    if (!isJsonObject(relation)) return send()
    const { rel_type: relType, event_id: relatesTo, key } = relation
    if (typeof relatesTo !== 'string') return send()
    if (relType === 'm.thread') await this.#checkRoot(request, relatesTo)
    if (relType !== 'm.annotation' || typeof key !== 'string') return send()
    const asked = [request.room.roomNid, request.requester.userId, relatesTo, request.type, key]
    const checkAndSend = async (): Promise<T> => {
      await this.#checkAnnotation(request, relatesTo, key)
      return send()
    }
    return this.#annotations.run(JSON.stringify(asked), checkAndSend, currentAsker()?.signal)
  }

  async #checkRoot({ room }: SendRequest, rootId: string): Promise<void> {
    const isRelated = await this.#database.runInteraction(
      'thread_root_relates',
      (txn) => relatesToAnother(txn, room.roomNid, rootId),
      { readOnly: true },
    )
    if (!isRelated) return
    const reason = 'A thread cannot begin at an event that itself relates to another.'
    throw new MatrixError('M_UNKNOWN', reason, { status: 400 })
  }

  async #checkAnnotation(request: SendRequest, relatesTo: string, key: string): Promise<void> {
    const { roomNid } = request.room
    const senderNid = await this.#interned.userNid(request.requester.userId)
    const exists = await this.#database.runInteraction(
      'annotation_exists',
      (txn) => hasAnnotation(txn, { roomNid, relatesTo, type: request.type, key, senderNid }),
      { readOnly: true },
    )
    if (exists)
      throw new MatrixError('M_DUPLICATE_ANNOTATION', 'You have annotated this event with the same key before.')
  }
}
