-- What callers say about their messages, messages that go on after a call was cut off, and who listens meanwhile.

alter table message
    add column private     boolean not null default false,
    add column receipt     boolean not null default false,
    add column cut         boolean not null default false,
    add column first_heard timestamptz;
comment on column message.private is 'Its sender wants it to be forwarded to nobody';
comment on column message.receipt is 'Its sender wants to be told when it was first heard';
comment on column message.cut is 'Its caller hung up without a word: he may call back and go on';
comment on column message.first_heard is 'When an owner first heard it to the end; kept by a trigger';

create table message_part (
    id      uuid primary key,
    message uuid not null references message on delete cascade,
    created timestamptz not null default now()
);
comment on table message_part is 'Deposits that went on with a message and are part of its sound; so that a replay cannot double them';
create index message_part_message on message_part (message);

create table receipt (
    message uuid primary key,
    mailbox text not null references mailbox on update cascade on delete cascade,
    heard_by text not null,
    heard   timestamptz not null default now()
);
comment on table receipt is 'What a sender with a mailbox here has not been told yet: that his message was heard';
comment on column receipt.mailbox is 'The sender''s';
create index receipt_mailbox on receipt (mailbox);

create function message_heard() returns trigger language plpgsql as $$
begin
    update message set first_heard = now() where id = new.message and first_heard is null;
    if found then
        insert into receipt (message, mailbox, heard_by)
            select m.id, s.mailbox, new.mailbox from message m join subscriber s on s.number = m.caller
            where m.id = new.message and m.receipt and s.mailbox is not null
            on conflict do nothing;
    end if;
    return null;
end $$;
create trigger entry_heard after update of heard on entry
    for each row when (new.heard and not old.heard) execute function message_heard();

alter table mailbox add column screen boolean not null default false;
comment on column mailbox.screen is 'The owner''s phones answer by themselves while a message is left, and he may take the call';
