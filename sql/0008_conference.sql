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
    repeat        text check (repeat ~ ('^FREQ=(DAILY|WEEKLY|MONTHLY)(;(INTERVAL=[1-9][0-9]?|COUNT=[1-9][0-9]{0,3}'
                      '|UNTIL=[0-9]{8}(T[0-9]{6}Z?)?|WKST=(MO|TU|WE|TH|FR|SA|SU)'
                      '|BYDAY=([-+]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)(,([-+]?[1-5])?(MO|TU|WE|TH|FR|SA|SU))*))*$')),
                                                     -- RFC 5545 RRULE; null: once
    early_minutes integer not null default 10 check (early_minutes >= 0),
    title         text not null default '' check (octet_length(title) < 128)
);
comment on table room_time is 'When a room may be entered; a room without rows always may';
create index room_time_room on room_time (room);

-- What is as before after a restart.
create table room_state (
    room    text primary key,
    locked  boolean not null,
    lecture boolean not null,
    muted   boolean not null,
    changed timestamptz not null                     -- or last heard of: a conference that goes on tells each 20 s
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
    room    text not null,
    caller  text not null,                           -- the subscriber, or the number with its peer
    role    text not null check (role in ('member', 'host')),
    muted   boolean not null,
    left_at timestamptz,                             -- null: is in it
    primary key (room, caller)
);
comment on table room_seat is 'Who is or was just in a room: who calls again within a minute has his role without a PIN';

create table pin_guess (
    source       text primary key,                   -- "caller …", "address …"
    failed       integer not null check (failed >= 0),
    since        timestamptz not null,
    locked_until timestamptz
);
comment on table pin_guess is 'Wrong PINs by who or whence they came, over calls and restarts';

-- One step of what a conference keeps; storage/keep.h says what the lines hold.
create function conference_keep(of_room text, at timestamptz, begins boolean, ends boolean, is_locked boolean, is_lecture boolean,
                          is_muted boolean, lines text) returns void language plpgsql as $$
declare
    line text;
    word text[];
begin
    if begins then
        update room_seat set left_at = coalesce((select s.changed from room_state s where s.room = of_room), at)
            where room = of_room and left_at is null;
    end if;
    foreach line in array string_to_array(lines, E'\n') loop
        word := string_to_array(line, E'\t');
        if word[1] in ('seat', 'left') then
            insert into room_seat values (of_room, word[2], word[3], word[4] = 'muted', case word[1] when 'left' then at end)
                on conflict (room, caller) do update
                set role = excluded.role, muted = excluded.muted, left_at = excluded.left_at;
        elsif word[1] = 'gone' then
            delete from room_seat where room = of_room and caller = word[2];
        elsif word[1] = 'ban' then
            insert into room_ban values (of_room, word[2], at + make_interval(mins => word[3]::integer))
                on conflict (room, caller) do update set until = excluded.until;
        end if;
    end loop;
    if ends then
        delete from room_state where room = of_room;
        delete from room_seat where left_at < at - interval '10 minutes';
        delete from room_ban where until < at;
    else
        insert into room_state values (of_room, is_locked, is_lecture, is_muted, at)
            on conflict (room) do update
            set locked = is_locked, lecture = is_lecture, muted = is_muted, changed = at;
    end if;
end
$$;

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
    conference text not null,                        -- its own row comes last, when it ends
    seat       integer not null,                     -- in the order of entry
    call       text not null,
    caller     text not null,
    name       text not null,
    role       text not null check (role in ('member', 'host')),
    how        text not null check (how in ('dialled', 'invited', 'moved')),
    joined     timestamptz not null,
    left_at    timestamptz not null,
    talk_ms    bigint not null,
    reason     text not null,                        -- of leaving
    primary key (conference, seat)
);
comment on table conference_member is 'Who was in a conference';
create index conference_member_call on conference_member (call);
create index conference_member_joined on conference_member (joined);

-- Known when his call is over, a moment after he has left.
create view conference_member_quality as
    select m.*, l.codec, l.packets_received, l.packets_lost, l.loss_percent, l.jitter_us, l.delay_ms, l.rtt_us, l.mos,
           l.remote_lost, l.remote_jitter_us
    from conference_member m left join cdr l on l.call = m.call and l.role = 'caller';
comment on view conference_member_quality is 'Who was in a conference, and how well he was heard: the figures of media of his whole call';

create table room_act (
    id         text primary key,                     -- the same one may come twice
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
create index room_act_at on room_act (at);

-- The journal holds these as it holds calls: a member and an act as they come, a conference when it ends.
alter function record_insert(jsonb) rename to record_insert_calls;
create function record_insert(records jsonb) returns void language sql as $$
    insert into room_act
        select a.* from jsonb_array_elements(records) line, jsonb_populate_record(null::room_act, line->'room_act') a
        where line ? 'room_act' on conflict do nothing;
    insert into conference_member
        select m.* from jsonb_array_elements(records) line,
                        jsonb_populate_record(null::conference_member, line->'conference_member') m
        where line ? 'conference_member' on conflict do nothing;
    insert into conference
        select c.* from jsonb_array_elements(records) line, jsonb_populate_record(null::conference, line->'conference') c
        where line ? 'conference' on conflict do nothing;
    select record_insert_calls(coalesce(jsonb_agg(line), '[]')) from jsonb_array_elements(records) line where line ? 'call';
$$;
comment on function record_insert is 'An array of records as the journal holds them: {"call": …, "legs": […], "trace": […]}, {"conference": …}, {"conference_member": …} or {"room_act": …}';

alter function confab_purge(interval, interval) rename to confab_purge_calls;
create function confab_purge(keep interval, keep_trace interval default null) returns bigint language plpgsql as $$
declare
    gone bigint := confab_purge_calls(keep, keep_trace);
    old bigint;
begin
    delete from conference where id in (select id from conference where started < now() - keep limit 5000);
    get diagnostics old = row_count;
    gone := gone + old;
    delete from conference_member where (conference, seat) in (
        select conference, seat from conference_member where joined < now() - keep limit 5000);
    get diagnostics old = row_count;
    gone := gone + old;
    delete from room_act where id in (select id from room_act where at < now() - keep limit 5000);
    get diagnostics old = row_count;
    -- What was cut off and never taken up again.
    delete from room_seat t where coalesce(t.left_at, (select s.changed from room_state s where s.room = t.room), '-infinity')
        < now() - interval '1 day';
    delete from room_state where changed < now() - interval '1 day';
    delete from pin_guess where since < now() - interval '2 days' and coalesce(locked_until < now(), true);
    return gone + old;
end
$$;
comment on function confab_purge is 'Removes calls, conferences and acts older than keep, and traces older than keep_trace; null keeps all';
