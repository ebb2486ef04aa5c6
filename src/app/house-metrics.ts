import { namedCaches, type CacheFigures } from '#base/named-caches.ts'
import type { Metrics, Reading } from '#observability/metrics.ts'
import type { PersistEvent } from '#rooms/persist-event.ts'
import type { UnsignedAdditions } from '#rooms/unsigned-additions.ts'
import type { BackgroundMigrations } from '#storage/background-migrations.ts'
import type { OpenDatabase } from '#storage/transaction.ts'
import type { Stream } from '#streams/stream.ts'
import type { Streams } from '#streams/streams.ts'
import { programVersion } from './program-version.ts'

/** What is measured beside requests, interactions and the process: the pool, caches, streams, long polls, events. */
export function measureHouse(
  metrics: Metrics,
  house: {
    readonly database: OpenDatabase
    readonly streams: Streams
    readonly persistEvent: Pick<PersistEvent, 'onPersisted'>
    readonly unsignedAdditions: UnsignedAdditions
    readonly backgroundMigrations: BackgroundMigrations
  },
): void {
  const { engine } = house.database
  metrics.gauge({ name: 'tessera_build_info', help: 'Always 1.', labels: ['version', 'database'] }, () => [
    [[programVersion(), engine], 1],
  ])
  measureGate(metrics, house.database)
  measureCaches(metrics)
  measureStreams(metrics, house.streams)
  metrics.gauge(
    {
      name: 'tessera_migration_share',
      help: 'How much a migration in the background has done.',
      labels: ['migration'],
    },
    () => house.backgroundMigrations.unfinished().map(({ name, share }): Reading => [[name], share]),
  )
  metrics.counted(
    { name: 'tessera_plug_in_failures_total', help: 'Times that a plug-in failed.', labels: ['plug_in'] },
    () => [...house.unsignedAdditions.failures].map(([name, failures]): Reading => [[name], failures]),
  )
  const persisted = metrics.counter({ name: 'tessera_events_persisted_total', help: 'Events made durable.' }).with()
  house.persistEvent.onPersisted((batch) => persisted.add(batch.rows.length))
}

/** How full the gate to the database is. */
function measureGate(metrics: Metrics, database: OpenDatabase): void {
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.gauge({ name: `tessera_database_pool_${name}`, help }, read)
  gauge('size', 'Interactions that can be under way at once.', () => database.pool.size)
  gauge('in_use', 'Interactions under way.', () => database.pool.inUse)
  gauge('waiting', 'Interactions that wait for a connection or for the writer.', () => database.pool.waiting)
  metrics.counted(
    { name: 'tessera_database_pool_refused_total', help: 'Interactions turned away because the wait was too long.' },
    () => database.pool.refused,
  )
}

function measureCaches(metrics: Metrics): void {
  const read = (part: keyof CacheFigures) => (): Reading[] =>
    [...namedCaches()].flatMap(([name, figures]): Reading[] => {
      const value = figures[part]
      return value === undefined ? [] : [[[name], value]]
    })
  const labels = ['cache']
  metrics.gauge({ name: 'tessera_cache_entries', help: 'Entries held.', labels }, read('size'))
  metrics.gauge(
    { name: 'tessera_cache_bytes', help: 'Memory held by the entries of caches that are bounded by it.', labels },
    read('bytes'),
  )
  metrics.counted({ name: 'tessera_cache_hits_total', help: 'Look-ups answered.', labels }, read('hits'))
  metrics.counted({ name: 'tessera_cache_misses_total', help: 'Look-ups not answered.', labels }, read('misses'))
  metrics.counted(
    { name: 'tessera_cache_evictions_total', help: 'Entries forgotten to make room.', labels },
    read('evictions'),
  )
}

function measureStreams(metrics: Metrics, streams: Streams): void {
  const labels = ['stream']
  const each = (read: (stream: Stream) => number) => (): Reading[] =>
    streams.all.map((stream) => [[stream.name], read(stream)])
  metrics.gauge(
    { name: 'tessera_stream_position', help: 'Up to where a stream is published.', labels },
    each(({ position }) => position),
  )
  metrics.gauge(
    { name: 'tessera_stream_lag', help: 'Positions taken by writers and not published yet.', labels },
    each(({ lag }) => lag.positions),
  )
  metrics.gauge(
    { name: 'tessera_stream_lag_seconds', help: 'How long ago the oldest unpublished position was taken.', labels },
    each(({ lag }) => lag.oldestMs / 1000),
  )
  const { notifier } = streams
  metrics.gauge(
    { name: 'tessera_sync_waiting_polls', help: 'Long polls that wait for something to happen.' },
    () => notifier.openWaits,
  )
  metrics.counted(
    { name: 'tessera_sync_wakeups_total', help: 'Long polls woken because something happened.' },
    () => notifier.wakeUps,
  )
}
