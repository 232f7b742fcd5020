-- Telling owners of their messages: mail, webhooks, transcripts; and faxes beside voice.

alter table message add column kind text not null default 'voice' check (kind in ('voice', 'fax'));
comment on column message.kind is 'Counted apart in what phones are told (RFC 3842)';

alter table mailbox
    add column mail_attach boolean not null default true,
    add column mail_delete boolean not null default false;
comment on column mailbox.mail_attach is 'Mails about new messages carry the sound';
comment on column mailbox.mail_delete is
    'A message goes to the trash once the mail server has taken it; only where mails carry the sound';

alter table outbox
    drop constraint outbox_kind_check,
    add constraint outbox_kind_check check (kind in ('mail', 'webhook', 'transcript')),
    add column lane text not null default '',
    add column failed_at timestamptz;
comment on column outbox.lane is 'Rows of one kind and lane leave one after another; empty: in any order';
comment on column outbox.failed_at is 'When it was given up: the far side has refused it for good, or for too long';
drop index outbox_due;
create index outbox_due on outbox (kind, next_at) where done_at is null and failed_at is null;
create index outbox_lane on outbox (kind, lane, id) where done_at is null and failed_at is null;

create table outbox_event (event text primary key);
comment on table outbox_event is
    'What somebody wants to hear of, as confab.conf says; written when confabd starts; all who share a database agree';

create table message_transcript (
    message uuid primary key references message on delete cascade,
    text    text,
    error   text,
    created timestamptz not null default now(),
    check ((text is null) <> (error is null))
);
comment on table message_transcript is 'What a message says, by the server that confab.conf names, or why nobody knows';

-- In the transaction of the change itself, whoever makes it: what is told has happened, and what happens is told.
create function event_tell(event text, mailbox text, detail jsonb) returns void language sql as $$
    insert into outbox (kind, lane, payload)
    select 'webhook', mailbox, jsonb_build_object('id', gen_random_uuid(), 'event', w.event, 'mailbox', mailbox,
                                                  'at', now()) || detail
    from outbox_event w where w.event = event_tell.event
$$;

create function entry_tell() returns trigger language plpgsql as $$
declare
    detail jsonb;
begin
    if not exists (select from outbox_event) then
        return null;
    end if;
    select jsonb_build_object('entry', new.id, 'message', m.id, 'kind', m.kind, 'caller', m.caller,
                              'caller_name', m.caller_name, 'started', m.started, 'duration_ms', m.duration_ms,
                              'urgent', new.urgent)
        into detail from message m where m.id = new.message;
    if tg_op = 'INSERT' and exists (select from message m where m.id = new.message and m.call = 'import') then
        return null; -- moved in from elsewhere, and no news
    end if;
    if tg_op = 'INSERT' then
        perform event_tell('message-new', new.mailbox, detail);
        if exists (select from mailbox b where b.number = new.mailbox and b.max_messages = (
                       select count(*) from entry e where e.mailbox = b.number and e.deleted_at is null)) then
            perform event_tell('mailbox-full', new.mailbox, '{}');
        end if;
        return null;
    end if;
    if new.heard and not old.heard then
        perform event_tell('message-read', new.mailbox, detail);
    end if;
    if new.deleted_at is not null and old.deleted_at is null then
        perform event_tell('message-deleted', new.mailbox, detail);
    end if;
    return null;
end $$;
create trigger entry_told after insert or update on entry
    for each row execute function entry_tell();

create function login_tell() returns trigger language plpgsql as $$
begin
    perform event_tell('login-failed', new.number, jsonb_build_object('failed', new.pin_failed));
    return null;
end $$;
create trigger mailbox_login after update of pin_failed on mailbox
    for each row when (new.pin_failed > old.pin_failed) execute function login_tell();

create function message_transcribe() returns trigger language plpgsql as $$
begin
    insert into outbox (kind, payload)
    select 'transcript', jsonb_build_object('message', new.id) from outbox_event where event = 'transcript';
    return null;
end $$;
create trigger message_spoken after insert on message
    for each row when (new.kind = 'voice' and new.call <> 'import') execute function message_transcribe();

create table callout (
    mailbox  text not null references mailbox on update cascade on delete cascade,
    place    integer not null,
    number   text not null check (number ~ '^[^[:cntrl:]]{1,63}$'),
    wait_s   integer not null default 0 check (wait_s >= 0),
    tries    integer not null default 1 check (tries between 1 and 20),
    retry_s  integer not null default 60 check (retry_s between 1 and 86400),
    schedule text not null default '' check (octet_length(schedule) < 256),
    primary key (mailbox, place)
);
comment on table callout is 'Numbers that are called, by place, when a new message has come, until the owner answers one of them';
comment on column callout.wait_s is 'Seconds before the first call to this number';
comment on column callout.tries is 'Calls to this number before the next one''s turn';
comment on column callout.retry_s is 'Seconds from one call to the next, this number''s or the one''s after it';
comment on column callout.schedule is 'When it is called, in the mailbox''s zone: "mon-fri 08:00-18:00"; at other times it is passed over';

create table callout_due (
    mailbox text primary key references mailbox on update cascade on delete cascade,
    place   integer not null,
    tried   integer not null default 0,
    next_at timestamptz not null
);
comment on table callout_due is 'Owners who are to be called: which number is next, and when';

create function callout_begin() returns trigger language plpgsql as $$
begin
    insert into callout_due (mailbox, place, next_at)
    select new.mailbox, c.place, now() + c.wait_s * interval '1 s'
    from callout c where c.mailbox = new.mailbox order by c.place limit 1
    on conflict do nothing;
    return null;
end $$;
create trigger entry_called after insert on entry
    for each row when (not new.heard) execute function callout_begin();
