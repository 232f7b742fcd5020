-- confab's first schema: subscribers, their mailboxes, messages, rooms, and what waits to leave.
--
-- A message's audio is stored once (blob); a message names it; an entry is that message in one mailbox. Whoever
-- changes an entry, by confab or by hand, is heard: see entry_announce at the end.

create table mailbox (
    number           text primary key check (number ~ '^[^[:cntrl:]]{1,63}$'),
    name             text not null default '' check (octet_length(name) < 128),
    zone             text not null default 'UTC' check (octet_length(zone) < 64),
    language         text not null default '' check (octet_length(language) < 16),
    email            text check (email <> ''),
    pin_hash         text,
    pin_must_change  boolean not null default false,
    pin_failed       integer not null default 0 check (pin_failed >= 0),
    pin_locked_until timestamptz,
    max_messages     integer not null default 100 check (max_messages >= 0),
    max_message_s    integer not null default 0 check (max_message_s >= 0),
    created          timestamptz not null default now()
);
comment on table mailbox is 'Where messages for one number are kept';
comment on column mailbox.zone is 'Time zone in which the owner hears dates: a name of the tz database';
comment on column mailbox.language is 'Language of the prompts; empty: the server''s';
comment on column mailbox.email is 'Where copies of new messages are mailed; null: nowhere';
comment on column mailbox.pin_hash is 'crypt(5) hash, yescrypt; null: no PIN opens this mailbox';
comment on column mailbox.pin_failed is 'Wrong PINs in a row';
comment on column mailbox.pin_locked_until is 'Until then no PIN opens this mailbox; deposits go on';
comment on column mailbox.max_messages is 'Quota by count; 0: none';
comment on column mailbox.max_message_s is 'Longest message in seconds; 0: the server''s limit';

create table subscriber (
    number  text primary key check (number ~ '^[^[:cntrl:]]{1,63}$'),
    name    text not null default '' check (octet_length(name) < 128),
    zone    text not null default 'UTC' check (octet_length(zone) < 64),
    mailbox text references mailbox on update cascade on delete set null,
    ring_s  integer not null default 0 check (ring_s between 0 and 3600),
    created timestamptz not null default now()
);
comment on table subscriber is 'A user who may register and be called';
comment on column subscriber.ring_s is 'How long his phones ring, in seconds; 0: the server''s default';
create index subscriber_mailbox on subscriber (mailbox);

create table credential (
    number     text not null references subscriber on update cascade on delete cascade,
    realm      text not null check (realm <> ''),
    ha1_md5    text not null check (ha1_md5 ~ '^[0-9a-f]{32}$'),
    ha1_sha256 text not null check (ha1_sha256 ~ '^[0-9a-f]{64}$'),
    primary key (number, realm)
);
comment on table credential is
    'Digests of number:realm:password (RFC 7616 section 3.4.2); they bind the number, so it cannot be renamed alone';

create table binding (
    subscriber text not null references subscriber on update cascade on delete cascade,
    contact    text not null check (contact <> ''),
    path       text not null default '',
    call_id    text not null,
    cseq       bigint not null check (cseq between 0 and 4294967295),
    instance   text not null default '',
    received   text not null default '',
    user_agent text not null default '',
    q_milli    integer not null default 1000 check (q_milli between 0 and 1000),
    expires    timestamptz not null,
    primary key (subscriber, contact)
);
comment on table binding is 'Contacts that phones registered (RFC 3261 section 10); kept so that they outlive a restart';
comment on column binding.path is 'Path values (RFC 3327), comma-separated, topmost first';
create index binding_expires on binding (expires);

create table blob (
    id      uuid primary key default gen_random_uuid(),
    refs    integer not null default 0 check (refs >= 0),
    audio   bytea not null,
    sha256  bytea not null check (octet_length(sha256) = 32),
    created timestamptz not null default now()
);
comment on table blob is 'Recorded sound (WAV); goes with the last message or greeting that refers to it';
comment on column blob.refs is 'How many messages and greetings refer to it; kept by triggers';
-- Sound does not compress: do not let PostgreSQL try.
alter table blob alter column audio set storage external;

create table greeting (
    mailbox text not null references mailbox on update cascade on delete cascade,
    kind    text not null check (kind in ('unavailable', 'busy', 'name', 'temporary')),
    blob    uuid not null references blob,
    created timestamptz not null default now(),
    primary key (mailbox, kind)
);
comment on table greeting is 'Greetings that the owner recorded himself; no row: the server''s default';

create table message (
    id          uuid primary key,
    refs        integer not null default 0 check (refs >= 0),
    blob        uuid not null references blob,
    caller      text not null default '',
    caller_name text not null default '',
    call        text not null default '',
    cause       text not null check (cause in ('unavailable', 'busy', 'direct')),
    started     timestamptz not null,
    duration_ms integer not null check (duration_ms >= 0),
    created     timestamptz not null default now()
);
comment on table message is 'What a caller left; its id is that of the deposit, so that a replay cannot double it';
comment on column message.refs is 'How many entries refer to it; kept by triggers; the last one takes it away';
comment on column message.caller is 'Empty when the caller withheld his number';
comment on column message.started is 'When the caller spoke';
create index message_blob on message (blob);

create table entry (
    id         uuid primary key default gen_random_uuid(),
    mailbox    text not null references mailbox on update cascade on delete cascade,
    message    uuid not null references message,
    folder     text not null default 'inbox' check (folder in ('inbox', 'work', 'family', 'friends')),
    heard      boolean not null default false,
    urgent     boolean not null default false,
    deleted_at timestamptz,
    version    bigint not null default 1,
    created    timestamptz not null default now(),
    unique (mailbox, message)
);
comment on table entry is 'One message in one mailbox';
comment on column entry.folder is
    'Where it is filed; ''inbox'' is spoken of as "new messages" until it was heard and as "old messages" afterwards';
comment on column entry.deleted_at is 'When the owner deleted it; he may still undo that';
comment on column entry.version is 'Grows with every change: a writer names the version that he read';
create index entry_mailbox on entry (mailbox) where deleted_at is null;
create index entry_message on entry (message);
create index entry_deleted on entry (deleted_at) where deleted_at is not null;

create table outbox (
    id         bigint generated always as identity primary key,
    kind       text not null check (kind in ('mail', 'webhook')),
    payload    jsonb not null,
    attempts   integer not null default 0 check (attempts >= 0),
    next_at    timestamptz not null default now(),
    last_error text,
    done_at    timestamptz,
    created    timestamptz not null default now()
);
comment on table outbox is 'What must leave for elsewhere; done only when the far side has said yes';
create index outbox_due on outbox (next_at) where done_at is null;

create table room (
    number             text primary key check (number ~ '^[^[:cntrl:]]{1,63}$'),
    name               text not null default '' check (octet_length(name) < 128),
    language           text not null default '' check (octet_length(language) < 16),
    pin_hash           text,
    moderator_pin_hash text,
    pin_failed         integer not null default 0 check (pin_failed >= 0),
    pin_locked_until   timestamptz,
    max_members        integer not null default 0 check (max_members >= 0),
    created            timestamptz not null default now()
);
comment on table room is 'Conference rooms with settings of their own; a number without a row is an open room';
comment on column room.max_members is '0: the server''s limit';

-- References are counted by updates of the row referred to. Its lock makes two who drop the last two references at
-- the same time wait for each other, so that exactly one of them sees the count reach zero.
create function blob_count() returns trigger language plpgsql as $$
begin
    if tg_op <> 'DELETE' then
        update blob set refs = refs + 1 where id = new.blob;
    end if;
    if tg_op <> 'INSERT' then
        update blob set refs = refs - 1 where id = old.blob;
        delete from blob where id = old.blob and refs = 0;
    end if;
    return null;
end $$;
create trigger greeting_blob after insert or delete or update of blob on greeting
    for each row execute function blob_count();
create trigger message_blob after insert or delete or update of blob on message
    for each row execute function blob_count();

create function message_count() returns trigger language plpgsql as $$
begin
    if tg_op <> 'DELETE' then
        update message set refs = refs + 1 where id = new.message;
    end if;
    if tg_op <> 'INSERT' then
        update message set refs = refs - 1 where id = old.message;
        delete from message where id = old.message and refs = 0;
    end if;
    return null;
end $$;
create trigger entry_message after insert or delete or update of message on entry
    for each row execute function message_count();

create function entry_advance() returns trigger language plpgsql as $$
begin
    new.version := old.version + 1;
    return new;
end $$;
create trigger entry_version before update on entry
    for each row execute function entry_advance();

-- PostgreSQL sends one notification for equal ones of a transaction, so a bulk change costs one a mailbox.
create function entry_announce() returns trigger language plpgsql as $$
begin
    if tg_op <> 'DELETE' then
        perform pg_notify('confab_mailbox', new.mailbox);
    end if;
    if tg_op <> 'INSERT' then
        perform pg_notify('confab_mailbox', old.mailbox);
    end if;
    return null;
end $$;
create trigger entry_change after insert or update or delete on entry
    for each row execute function entry_announce();
