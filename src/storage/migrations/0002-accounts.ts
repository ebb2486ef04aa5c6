/** People: accounts, their devices and tokens, profiles, account data, filters, and registration tokens. */
export const name = '0002-accounts'

export const statements: readonly string[] = [
  // user_id as in Matrix: an account exists for few enough users that an integer id would save nothing.
  // password_hash: PHC string; null when the account cannot log in with a password. erased: asked for at deactivation.
  `CREATE TABLE accounts (
    user_id TEXT NOT NULL PRIMARY KEY, password_hash TEXT, admin INTEGER NOT NULL DEFAULT 0, user_type TEXT,
    created_ts INTEGER NOT NULL, deactivated_ts INTEGER, erased INTEGER NOT NULL DEFAULT 0)`,

  `CREATE TABLE devices (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL, display_name TEXT, created_ts INTEGER NOT NULL,
    last_seen_ts INTEGER, last_seen_ip TEXT, last_seen_user_agent TEXT, PRIMARY KEY (user_id, device_id)) WITHOUT ROWID`,

  // Only hashes of tokens are kept. refreshed_from: hash of the refresh token that was given for this token; set until
  // the token is first used, when the one it came from is revoked.
  `CREATE TABLE access_tokens (
    token_hash TEXT NOT NULL PRIMARY KEY, user_id TEXT NOT NULL, device_id TEXT NOT NULL, created_ts INTEGER NOT NULL,
    expires_ts INTEGER, refreshed_from TEXT)`,
  `CREATE INDEX access_tokens_device ON access_tokens (user_id, device_id)`,
  `CREATE TABLE refresh_tokens (
    token_hash TEXT NOT NULL PRIMARY KEY, user_id TEXT NOT NULL, device_id TEXT NOT NULL, created_ts INTEGER NOT NULL,
    refreshed_from TEXT)`,
  `CREATE INDEX refresh_tokens_device ON refresh_tokens (user_id, device_id)`,

  // value: any JSON, as text.
  `CREATE TABLE profiles (
    user_id TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (user_id, field)) WITHOUT ROWID`,

  // room_id: '' for global data. content: a JSON object as text; of the global m.push_rules only what the user changed.
  `CREATE TABLE account_data (
    user_id TEXT NOT NULL, room_id TEXT NOT NULL, type TEXT NOT NULL, content TEXT NOT NULL,
    stream_position INTEGER NOT NULL, PRIMARY KEY (user_id, room_id, type)) WITHOUT ROWID`,
  `CREATE INDEX account_data_stream ON account_data (user_id, stream_position)`,

  `CREATE TABLE filters (
    user_id TEXT NOT NULL, filter_id TEXT NOT NULL, definition TEXT NOT NULL,
    PRIMARY KEY (user_id, filter_id)) WITHOUT ROWID`,

  // uses_allowed: null for any number. makes_admin: good only while there is no account at all.
  `CREATE TABLE registration_tokens (
    token TEXT NOT NULL PRIMARY KEY, uses_allowed INTEGER, uses INTEGER NOT NULL DEFAULT 0, expires_ts INTEGER,
    makes_admin INTEGER NOT NULL DEFAULT 0, created_ts INTEGER NOT NULL)`,
]
