-- Rooms as their hosts want them: choices (of a profile, or a room's own), persons with a PIN, times, what outlives a restart,
-- and what remains of each conference.

create table room_profile (
    name          text primary key check (name ~ '^[^[:cntrl:]]{1,63}$'),
    language      text check (octet_length(language) < 16),
    max_members   integer check (max_members >= 0),
    loudness      boolean,
    denoise       boolean,
    record        text check (record in ('off', 'mix', 'tracks')),
    record_format text check (record_format in ('wav', 'flac', 'opus'))
);
comment on table room_profile is 'Choices that rooms share; null: as confab.conf says';

-- The same columns for both; in a room null means: as its profile says.
do $$
declare
    owner text;
begin
    foreach owner in array array['room', 'room_profile'] loop
        execute format('alter table %I
            add column max_minutes   integer check (max_minutes >= 0),
            add column waiting       text check (waiting in (''off'', ''host'', ''admit'')),
            add column end_with_host boolean,
            add column end_grace_s   integer check (end_grace_s >= 0),
            add column lecture       boolean,
            add column muted_entry   boolean,
            add column announce      text check (announce in (''none'', ''tones'', ''names'')),
            add column announce_count boolean,
            add column quiet_above   integer check (quiet_above >= 0),
            add column music         boolean,
            add column roster        text check (roster in (''hosts'', ''members'', ''all'')),
            add column dial_out      text[],
            add column dial_out_max  integer check (dial_out_max >= 0),
            add column dial_out_confirm boolean,
            add column menu          text,
            add column host_menu     text,
            add column siprec        text', owner);
        execute format('comment on column %I.max_minutes is ''A conference ends after so long; 0: never''', owner);
        execute format('comment on column %I.waiting is ''Who waits before he is in: nobody, all until a host comes, or each until he is admitted''', owner);
        execute format('comment on column %I.end_with_host is ''Ends end_grace_s after its last host has left''', owner);
        execute format('comment on column %I.lecture is ''Only hosts are heard, and whom they give the floor''', owner);
        execute format('comment on column %I.announce is ''What tells that somebody comes or goes; nothing does above quiet_above members (0: no limit)''', owner);
        execute format('comment on column %I.roster is ''Who may watch who is there (RFC 4575)''', owner);
        execute format('comment on column %I.dial_out is ''Patterns of numbers that its hosts may call into it, dial_out_max at a time, asked to press 1 where dial_out_confirm says so; null or empty: none''', owner);
        execute format('comment on column %I.menu is ''Menu of confab.conf for its members, host_menu for its hosts''', owner);
        execute format('comment on column %I.siprec is ''URI of a session recording server (RFC 7866) that gets each conference''', owner);
    end loop;
end
$$;

alter table room
    add column profile text references room_profile on update cascade on delete set null,
    add column host    text check (host <> '');
comment on column room.host is 'Subscriber whose room it is: he is host without a PIN, from his own phone';

create table room_person (
    id       bigint generated always as identity primary key,
    room     text not null references room on update cascade on delete cascade,
    number   text check (number <> ''),              -- from this subscriber's own phone he needs no PIN
    name     text not null default '' check (octet_length(name) < 128),
    role     text not null default 'member' check (role in ('member', 'host')),
    pin_hash text,
    unique (room, number)
);
comment on table room_person is 'Persons with a role of their own in a room, by their phone or by a PIN of their own';

create table room_time (
    id            bigint generated always as identity primary key,
    room          text not null references room on update cascade on delete cascade,
    begins        timestamp not null,                -- on a clock in its zone
    minutes       integer not null check (minutes between 1 and 44640),
    zone          text not null default 'UTC' check (octet_length(zone) < 64),
    repeat        text,                              -- RFC 5545 RRULE; null: once
    early_minutes integer not null default 10 check (early_minutes >= 0),
    title         text not null default '' check (octet_length(title) < 128)
);
comment on table room_time is 'When a room may be entered; a room without rows always may';
create index room_time_room on room_time (room);

-- What is as before after a restart.
create table room_state (
    room    text primary key,
    locked  boolean not null default false,
    lecture boolean,
    muted   boolean not null default false,
    changed timestamptz not null default now()
);
comment on table room_state is 'What hosts have set in a conference that goes on; gone when it ends';

create table room_ban (
    room   text not null,
    caller text not null,
    until  timestamptz not null,
    primary key (room, caller)
);
comment on table room_ban is 'Whom a host has thrown out: not let in again until then';

create table room_seat (
    room   text not null,
    caller text not null,                            -- the subscriber, or the number with its peer
    role   text not null check (role in ('member', 'host')),
    muted  boolean not null,
    seen   timestamptz not null,
    primary key (room, caller)
);
comment on table room_seat is 'Who is or was just in a room: who calls again within a minute has his role without a PIN';

create table pin_guess (
    source       text primary key,                   -- "caller …", "address …"
    failed       integer not null default 0 check (failed >= 0),
    since        timestamptz not null default now(),
    locked_until timestamptz
);
comment on table pin_guess is 'Wrong PINs by who or whence they came, over calls and restarts';

-- What remains.
create table conference (
    id      text primary key check (id <> ''),
    room    text not null,
    name    text not null,
    started timestamptz not null,
    ended   timestamptz not null,
    peak    integer not null,                        -- members at once
    joins   integer not null,
    reason  text not null,                           -- of the end
    recordings text[] not null
);
create index conference_started on conference (started);
create index conference_room on conference (room, started);

create table conference_member (
    conference text not null references conference on delete cascade,
    seat       integer not null,                     -- in the order of entry
    call       text not null,
    caller     text not null,
    name       text not null,
    role       text not null check (role in ('member', 'host')),
    how        text not null check (how in ('dialled', 'invited', 'moved')),
    joined     timestamptz not null,
    left_at    timestamptz not null,
    talk_ms    bigint not null,
    packets_lost bigint, loss_percent numeric(5,2), jitter_us bigint,
    reason     text not null,                        -- of leaving
    primary key (conference, seat)
);

create table room_act (
    id         bigint generated always as identity primary key,
    at         timestamptz not null,
    room       text not null,
    conference text,
    actor      text not null,
    source     text not null check (source in ('phone', 'refer', 'api', 'server')),
    act        text not null,
    target     text,
    value      text
);
comment on table room_act is 'Each act of a host';
create index room_act_room on room_act (room, at);
