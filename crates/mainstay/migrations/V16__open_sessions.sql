-- A sign-in ends the least recently used of an account's open sessions beyond a hundred. Ended sessions stay for a day
-- and can be thousands: without this index, each sign-in would read them all.
CREATE INDEX sessions_open_idx ON mainstay.sessions (user_id) WHERE ended_at IS NULL;
