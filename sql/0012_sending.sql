-- Sending: lists of mailboxes, boxes of a team, introductions, and calls out of a mailbox.

alter table mailbox add column may_broadcast boolean not null default false;
comment on column mailbox.may_broadcast is 'Its owner may leave a message for everybody';

create table distribution (
    id        uuid primary key default gen_random_uuid(),
    number    text not null check (number ~ '^[^[:cntrl:]]{1,63}$'),
    owner     text references mailbox on update cascade on delete cascade,
    name      text not null default '' check (octet_length(name) < 128),
    everybody boolean not null default false,
    once      boolean not null default false,
    created   timestamptz not null default now()
);
create unique index distribution_system on distribution (number) where owner is null;
create unique index distribution_personal on distribution (owner, number) where owner is not null;
comment on table distribution is 'Lists of mailboxes: what is left at the number of one is left in each';
comment on column distribution.owner is 'Whose list it is, who alone can send to it; null: everybody''s';
comment on column distribution.everybody is
    'It has no members: whoever may broadcast reaches all mailboxes of persons by it';
comment on column distribution.once is 'The recipients of one message; gone once that is delivered';

create table distribution_member (
    list   uuid not null references distribution on delete cascade,
    number text not null check (number ~ '^[^[:cntrl:]]{1,63}$'),
    primary key (list, number)
);
comment on column distribution_member.number is 'Of a mailbox or of another list; what is neither is told as unknown';

create table undelivered (
    message uuid not null references message on delete cascade,
    mailbox text not null,
    reason  text not null check (reason in ('full', 'unknown')),
    created timestamptz not null default now(),
    primary key (message, mailbox)
);
comment on table undelivered is 'Whom a message to several has not reached, and why';

alter table entry
    add column broadcast    boolean not null default false,
    add column introduction uuid references blob,
    add column forwarded_by text not null default '',
    add column claimed_by   text not null default '';
comment on column entry.broadcast is 'For everybody: it comes first, is heard once, and counts for no quota';
comment on column entry.introduction is 'What he who forwarded it has said before it; null: nothing';
comment on column entry.forwarded_by is 'The mailbox it was forwarded from; empty: it was not';
comment on column entry.claimed_by is 'In the box of a team: the member who takes care of it; empty: nobody';
create index entry_introduction on entry (introduction) where introduction is not null;

create table mailbox_member (
    mailbox text not null references mailbox on update cascade on delete cascade,
    member  text not null references mailbox on update cascade on delete cascade check (member <> mailbox),
    primary key (mailbox, member)
);
comment on table mailbox_member is 'Who hears the messages of a shared or dispatch box, among those of his own';
create index mailbox_member_member on mailbox_member (member);

create table entry_read (
    entry  uuid not null references entry on delete cascade,
    member text not null references mailbox on update cascade on delete cascade,
    read   timestamptz not null default now(),
    primary key (entry, member)
);
comment on table entry_read is 'Which messages of a team''s box a member has heard';

create table voicemail_call (
    id      bigint generated always as identity primary key,
    mailbox text not null references mailbox on update cascade on delete cascade,
    number  text not null,
    started timestamptz not null default now(),
    status  integer,
    ended   timestamptz
);
comment on table voicemail_call is 'Calls that owners have made out of their mailboxes';
comment on column voicemail_call.status is
    '200: they have talked; else the SIP status that it failed with; null: it is not over; 403: it was not allowed';
create index voicemail_call_mailbox on voicemail_call (mailbox, started);

-- An introduction is counted as a greeting is; blob_count() reads a column of another name.
create function introduction_count() returns trigger language plpgsql as $$
begin
    if tg_op <> 'DELETE' and new.introduction is not null then
        update blob set refs = refs + 1 where id = new.introduction;
    end if;
    if tg_op <> 'INSERT' and old.introduction is not null then
        update blob set refs = refs - 1 where id = old.introduction;
        delete from blob where id = old.introduction and refs = 0;
    end if;
    return null;
end $$;
create trigger entry_introduction after insert or delete or update of introduction on entry
    for each row execute function introduction_count();

-- The lamps of a team follow its box, and that of a member what he has read.
create or replace function entry_announce() returns trigger language plpgsql as $$
begin
    if tg_op <> 'DELETE' then
        perform pg_notify('confab_mailbox', new.mailbox);
        perform pg_notify('confab_mailbox', member) from mailbox_member where mailbox = new.mailbox;
    end if;
    if tg_op <> 'INSERT' then
        perform pg_notify('confab_mailbox', old.mailbox);
        perform pg_notify('confab_mailbox', member) from mailbox_member where mailbox = old.mailbox;
    end if;
    return null;
end $$;

create function member_announce() returns trigger language plpgsql as $$
begin
    perform pg_notify('confab_mailbox', case tg_op when 'DELETE' then old.member else new.member end);
    return null;
end $$;
create trigger entry_read_change after insert or delete on entry_read
    for each row execute function member_announce();
create trigger mailbox_member_change after insert or update or delete on mailbox_member
    for each row execute function member_announce();

-- What one hears in his mailbox: his own messages, and those of his teams as he has read them.
create function entries_of(reader text) returns table (
    id uuid, mailbox text, message uuid, folder text, heard boolean, urgent boolean, deleted_at timestamptz,
    version bigint, broadcast boolean, introduction uuid, claimed_by text, reader text)
language sql stable as $$
    select e.id, e.mailbox, e.message, e.folder, e.heard, e.urgent, e.deleted_at, e.version, e.broadcast,
           e.introduction, e.claimed_by, $1
    from entry e where e.mailbox = $1
    union all
    select e.id, e.mailbox, e.message, e.folder, r.entry is not null, e.urgent, e.deleted_at, e.version,
           e.broadcast, e.introduction, e.claimed_by, $1
    from mailbox_member m join mailbox b on b.number = m.mailbox and b.kind in ('shared', 'dispatch')
    join entry e on e.mailbox = m.mailbox left join entry_read r on r.entry = e.id and r.member = $1
    where m.member = $1
$$;

create function mailbox_full(number text) returns boolean language sql stable as $$
    select (m.max_messages > 0 and used.count >= m.max_messages)
        or (m.max_seconds > 0 and used.ms >= m.max_seconds * 1000::bigint)
        or (m.max_bytes > 0 and used.bytes >= m.max_bytes)
    from mailbox m, lateral (
        select count(*), coalesce(sum(g.duration_ms), 0) as ms, coalesce(sum(octet_length(b.audio)), 0) as bytes
        from entry e join message g on g.id = e.message join blob b on b.id = g.blob
        where e.mailbox = m.number and e.deleted_at is null and not e.broadcast) as used
    where m.number = $1
$$;

-- The list that a number, or a list's own id, means for him who sends; null: none. A mailbox of that number goes first.
create function distribution_of(number text, sender text) returns uuid language sql stable as $$
    select d.id from distribution d
    where (d.number = $1 or d.id::text = $1) and (d.owner is null or d.owner = $2 or d.id::text = $1)
      and not exists (select from mailbox m where m.number = $1)
    order by d.owner is null desc limit 1
$$;

-- Everybody behind a number. Each list is opened once, so that lists in a circle end. All mailboxes are meant by that
-- list's id alone, which is known to him only who was found to be allowed.
create function recipients_of(number text, sender text) returns table (mailbox text, broadcast boolean)
language sql stable as $$
    with recursive step (number, list, owner) as (
        select $1, d.id, d.owner from (select) as one left join distribution d on d.id = distribution_of($1, $2)
        union
        select m.number, d.id, d.owner
        from step s join distribution_member m on m.list = s.list
        left join distribution d on d.id = distribution_of(m.number, s.owner) and not d.everybody
    )
    select s.number, false from step s where s.list is null
    union
    select b.number, true from step s join distribution d on d.id = s.list and d.everybody and d.id::text = $1
    join mailbox b on b.kind = 'person'
$$;

-- Puts a message into all mailboxes behind a number. Who has no room, or is not there, stops no other.
create function message_distribute(target text, sent uuid, is_urgent boolean, said uuid, sender text)
returns table (mailbox text, outcome text) language sql as $$
    with wanted as materialized (
        select distinct r.mailbox, r.broadcast,
               case when b.number is null then 'unknown'
                    when not r.broadcast and mailbox_full(b.number) then 'full' else 'placed' end as outcome
        from recipients_of(target, sender) r
        left join mailbox b on b.number = r.mailbox and b.kind <> 'greeting'
    ), placed as (
        insert into entry (mailbox, message, urgent, broadcast, introduction, forwarded_by)
        select w.mailbox, sent, is_urgent, w.broadcast, said, coalesce(sender, '') from wanted w
        where w.outcome = 'placed'
        on conflict on constraint entry_mailbox_message_key do update
        set folder = 'inbox', heard = false, deleted_at = null, introduction = excluded.introduction,
            forwarded_by = excluded.forwarded_by
    ), missed as (
        insert into undelivered (message, mailbox, reason)
        select sent, w.mailbox, w.outcome from wanted w where w.outcome <> 'placed'
        on conflict (message, mailbox) do nothing
    )
    select w.mailbox, w.outcome from wanted w order by w.outcome <> 'placed', w.mailbox
$$;

-- A name in plain letters: accents are no obstacle.
create function letters_of(name text) returns text language sql immutable as $$
    select regexp_replace(lower(regexp_replace(normalize(
        replace(replace(replace(translate(name, 'øØłŁđĐðı', 'oOlLdDdi'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), nfkd),
        '[^a-zA-Z -]', '', 'g')), '[ -]+', ' ', 'g')
$$;
-- Whether one of its words begins with what was typed on a phone; an umlaut may be typed either way.
create function name_begins(name text, keys text) returns boolean language sql immutable as $$
    select ' ' || translate(letters_of(name) || ' ' || letters_of(
            replace(replace(replace(replace(replace(replace(normalize(name, nfc),
            'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'Ä', 'ae'), 'Ö', 'oe'), 'Ü', 'ue')),
        'abcdefghijklmnopqrstuvwxyz', '22233344455566677778889999') like '% ' || keys || '%'
$$;
