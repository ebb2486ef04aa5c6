/**
 * What end-to-end encryption needs of a server: device keys, one-time keys, cross-signing, key backups, messages to
 * devices, and the order in which device lists changed.
 */
export const name = '0003-keys'

export const statements: readonly string[] = [
  // json: the keys as their device uploaded them, its own signatures included.
  `CREATE TABLE device_keys (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (user_id, device_id))`,

  // A queue of one-time keys for each device and algorithm. uploaded: the place of the last key ever queued. claimed:
  // the place of the last key given away; so uploaded - claimed are left, and the next is at claimed + 1.
  // The fallback key is what a claim gets when the queue is empty.
  `CREATE TABLE one_time_key_queues (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL, algorithm TEXT NOT NULL,
    uploaded INTEGER NOT NULL DEFAULT 0, claimed INTEGER NOT NULL DEFAULT 0,
    fallback_id TEXT, fallback_json TEXT, fallback_used INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, device_id, algorithm)) WITHOUT ROWID`,
  // The latest claimed keys stay for a while, without their signatures: an upload that is sent again because its
  // answer was lost must not queue them a second time.
  `CREATE TABLE one_time_keys (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL, algorithm TEXT NOT NULL, place INTEGER NOT NULL,
    key_id TEXT NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (user_id, device_id, algorithm, place), UNIQUE (user_id, device_id, algorithm, key_id)) WITHOUT ROWID`,

  // usage: master, self_signing or user_signing. json: the key as uploaded.
  `CREATE TABLE cross_signing_keys (
    user_id TEXT NOT NULL, usage TEXT NOT NULL, public_key TEXT NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (user_id, usage)) WITHOUT ROWID`,
  // Signatures that came apart from the key they sign. user_id and target: whose key, and its device id or public key.
  // signer_key: the key that signed, as ed25519:….
  `CREATE TABLE key_signatures (
    user_id TEXT NOT NULL, signer_id TEXT NOT NULL, target TEXT NOT NULL, signer_key TEXT NOT NULL,
    signature TEXT NOT NULL, PRIMARY KEY (user_id, signer_id, target, signer_key)) WITHOUT ROWID`,
  `CREATE INDEX key_signatures_signer ON key_signatures (signer_id, signer_key)`,

  // A deleted version keeps its row, so that its number is not used again and deleting it again succeeds.
  `CREATE TABLE key_backups (
    user_id TEXT NOT NULL, version INTEGER NOT NULL, algorithm TEXT NOT NULL, auth_data TEXT NOT NULL,
    etag INTEGER NOT NULL DEFAULT 0, session_count INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, version))`,
  `CREATE TABLE key_backup_sessions (
    user_id TEXT NOT NULL, version INTEGER NOT NULL, room_id TEXT NOT NULL, session_id TEXT NOT NULL,
    first_message_index INTEGER NOT NULL, forwarded_count INTEGER NOT NULL, is_verified INTEGER NOT NULL,
    session_data TEXT NOT NULL, PRIMARY KEY (user_id, version, room_id, session_id))`,

  // What waits for a device. json: the event as the device gets it. A request has one position, and gives a device at
  // most one message.
  `CREATE TABLE to_device_messages (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL, stream_position INTEGER NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (user_id, device_id, stream_position))`,
  // Requests that were carried out, so that one sent again does nothing.
  `CREATE TABLE to_device_requests (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL, type TEXT NOT NULL, txn_id TEXT NOT NULL,
    received_ts INTEGER NOT NULL, PRIMARY KEY (user_id, device_id, type, txn_id)) WITHOUT ROWID`,
  `CREATE INDEX to_device_requests_age ON to_device_requests (received_ts)`,

  // When each user's device list changed last.
  `CREATE TABLE device_list_changes (user_id TEXT NOT NULL PRIMARY KEY, stream_position INTEGER NOT NULL)`,
  `CREATE INDEX device_list_changes_stream ON device_list_changes (stream_position)`,
  // When observer_id last signed a key of user_id: a change that only the observer can see.
  `CREATE TABLE key_signature_changes (
    observer_id TEXT NOT NULL, user_id TEXT NOT NULL, stream_position INTEGER NOT NULL,
    PRIMARY KEY (observer_id, user_id)) WITHOUT ROWID`,
]
