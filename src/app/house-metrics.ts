import { monitorEventLoopDelay } from 'node:perf_hooks'
import { namedCaches, type CacheFigures } from '#base/named-caches.ts'
import type { Metrics, Reading } from '#observability/metrics.ts'
import type { PersistEvent } from '#rooms/persist-event.ts'
import type { UnsignedAdditions } from '#rooms/unsigned-additions.ts'
import type { OpenDatabase } from '#storage/transaction.ts'
import type { Streams } from '#streams/streams.ts'
import { programVersion } from './program-version.ts'

/** What is measured beside requests and interactions: the process, the pool, caches, streams, long polls, events. */
export function measureHouse(
  metrics: Metrics,
  house: {
    readonly database: OpenDatabase
    readonly streams: Streams
    readonly persistEvent: Pick<PersistEvent, 'onPersisted'>
    readonly unsignedAdditions: UnsignedAdditions
  },
): void {
  const { engine } = house.database
  metrics.gauge({ name: 'tessera_build_info', help: 'Always 1.', labels: ['version', 'database'] }, () => [
    [[programVersion(), engine], 1],
  ])
  measureGate(metrics, house.database)
  measureCaches(metrics)
  measureStreams(metrics, house.streams)
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
    [...namedCaches()].map(([name, figures]) => [[name], figures[part]])
  const labels = ['cache']
  metrics.gauge({ name: 'tessera_cache_entries', help: 'Entries held.', labels }, read('size'))
  metrics.counted({ name: 'tessera_cache_hits_total', help: 'Look-ups answered.', labels }, read('hits'))
  metrics.counted({ name: 'tessera_cache_misses_total', help: 'Look-ups not answered.', labels }, read('misses'))
  metrics.counted(
    { name: 'tessera_cache_evictions_total', help: 'Entries forgotten to make room.', labels },
    read('evictions'),
  )
}

function measureStreams(metrics: Metrics, streams: Streams): void {
  const labels = ['stream']
  metrics.gauge({ name: 'tessera_stream_position', help: 'Where a stream stands.', labels }, () =>
    Object.entries(streams.current()).map(([name, position]): Reading => [[name], position as number]),
  )
  metrics.gauge({ name: 'tessera_sync_waiting_polls', help: 'Long polls that wait for something to happen.' }, () => {
    return streams.notifier.openWaits
  })
  metrics.counted({ name: 'tessera_sync_wakeups_total', help: 'Long polls woken because something happened.' }, () => {
    return streams.notifier.wakeUps
  })
}

/** What is measured of the process itself, under the names that are usual for programs of this kind. */
export function measureProcess(metrics: Metrics): void {
  metrics.counted({ name: 'process_cpu_seconds_total', help: 'Processor time used.' }, () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  metrics.gauge({ name: 'process_resident_memory_bytes', help: 'Memory held.' }, () => process.memoryUsage.rss())
  metrics.gauge({ name: 'process_start_time_seconds', help: 'When it started, in seconds since 1970.' }, () =>
    Math.round(performance.timeOrigin / 1000),
  )
  metrics.gauge({ name: 'nodejs_heap_size_used_bytes', help: 'Memory of JavaScript in use.' }, () => {
    return process.memoryUsage().heapUsed
  })
  metrics.gauge({ name: 'nodejs_external_memory_bytes', help: 'Memory outside the heap.' }, () => {
    return process.memoryUsage().external
  })
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  metrics.gauge(
    {
      name: 'nodejs_eventloop_lag_seconds',
      help: 'How late the event loop was since the last look.',
      labels: ['quantile'],
    },
    () => {
      const readings = [0.5, 0.9, 0.99].map((part): Reading => [[String(part)], delay.percentile(part * 100) / 1e9])
      delay.reset()
      return readings
    },
  )
}
