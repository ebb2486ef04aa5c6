import { MatrixError } from '#protocol/errors.ts'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import type { AccountData } from './account-data.ts'
import { plainText } from './checks/plain-text.ts'

const tagType = 'm.tag'
/** https://spec.matrix.org/v1.19/client-server-api/#room-tagging */
const tagBytesMax = 255
const tagsPerRoomMax = 1000

/** The tags that users put on rooms: the room account data of type `m.tag`, changed one tag at a time. */
export class Tags {
  readonly #accountData: AccountData

  constructor(deps: { readonly accountData: AccountData }) {
    this.#accountData = deps.accountData
  }

  /** A room's tags, each with its data. */
  async of(userId: UserId, roomId: RoomId): Promise<JsonObject> {
    const text = await this.#accountData.get(userId, roomId, tagType)
    return tagsIn(text === undefined ? undefined : (JSON.parse(text) as JsonObject))
  }

  /** Puts a tag on a room, or changes its data. Throws M_INVALID_PARAM when the name is too long or there are too many. */
  async set(userId: UserId, roomId: RoomId, tag: string, data: JsonObject): Promise<void> {
    plainText(tag, 'The tag', tagBytesMax)
    await this.#accountData.update(userId, roomId, tagType, (content) => {
      const tags = new Map(Object.entries(tagsIn(content)))
      tags.set(tag, data)
      if (tags.size > tagsPerRoomMax)
        throw new MatrixError('M_INVALID_PARAM', `A room has at most ${tagsPerRoomMax} tags.`)
      return { ...content, tags: Object.fromEntries(tags) }
    })
  }

  /** Takes a tag off a room, if it is there. */
  async remove(userId: UserId, roomId: RoomId, tag: string): Promise<void> {
    await this.#accountData.update(userId, roomId, tagType, (content) => {
      const tags = new Map(Object.entries(tagsIn(content)))
      return tags.delete(tag) ? { ...content, tags: Object.fromEntries(tags) } : undefined
    })
  }
}

/** A client may have written `m.tag` itself, in any shape. */
function tagsIn(content: JsonObject | undefined): JsonObject {
  const tags = content?.['tags']
  return isJsonObject(tags) ? tags : {}
}
