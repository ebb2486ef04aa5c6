/** What a cache says of itself. */
export interface CacheFigures {
  readonly size: number
  readonly hits: number
  readonly misses: number
  /** Entries forgotten to make room. */
  readonly evictions: number
  /** Memory that the entries take, for a cache that is bounded by it. */
  readonly bytes?: number
}

const caches: { readonly name: string; readonly cache: WeakRef<CacheFigures> }[] = []

/** Makes a cache known by a name, for as long as it lives, so that what it does can be seen. */
export function nameCache(name: string, cache: CacheFigures): void {
  caches.push({ name, cache: new WeakRef(cache) })
}

/** The caches of this process that have a name; several of one name are added up. */
export function namedCaches(): Map<string, CacheFigures> {
  const figures = new Map<string, CacheFigures>()
  for (const { name, cache } of caches) {
    const one = cache.deref()
    if (one === undefined) continue
    const sum = figures.get(name) ?? { size: 0, hits: 0, misses: 0, evictions: 0 }
    figures.set(name, {
      size: sum.size + one.size,
      hits: sum.hits + one.hits,
      misses: sum.misses + one.misses,
      evictions: sum.evictions + one.evictions,
      ...(one.bytes === undefined ? {} : { bytes: (sum.bytes ?? 0) + one.bytes }),
    })
  }
  return figures
}
