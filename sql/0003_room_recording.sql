-- Whether a room is recorded, and how.
alter table room
    add column record        text check (record in ('off', 'mix', 'tracks')),
    add column record_format text check (record_format in ('wav', 'flac', 'opus'));
comment on column room.record is 'Whether its meetings are recorded: the mix, or also a track for each who speaks; null: the server''s setting';
comment on column room.record_format is 'Format of the files; null: the server''s setting';
