-- Mailboxes as their owners want them.

alter table mailbox
    add column kind        text not null default 'person' check (kind in ('person', 'shared', 'dispatch', 'greeting')),
    add column keymap      text not null default '' check (octet_length(keymap) < 16),
    add column newest_first boolean not null default false,
    add column autoplay    boolean not null default false,
    add column envelope    boolean not null default true,
    add column tutorial    boolean not null default false,
    add column operator    text not null default '' check (octet_length(operator) < 64),
    add column max_seconds integer not null default 0 check (max_seconds >= 0),
    add column max_bytes   bigint not null default 0 check (max_bytes >= 0),
    add column trash_days  integer check (trash_days >= 0),
    add column keep_days   integer check (keep_days >= 0),
    add column legal_hold  boolean not null default false,
    add column login_from_greeting boolean not null default false,
    add column dial_out    text[] not null default '{}';
comment on column mailbox.kind is
    'person: one owner; shared: a team hears it; dispatch: the first of a team who takes a message has it; greeting: says its greeting and takes no message';
comment on column mailbox.keymap is 'Which keys its owner presses; empty: as confab.conf says';
comment on column mailbox.newest_first is 'The newest message comes first';
comment on column mailbox.autoplay is 'Each message begins when the one before has been heard';
comment on column mailbox.envelope is 'When and from whom is said before each message';
comment on column mailbox.tutorial is 'The owner is led through PIN, name and greeting on his next visit';
comment on column mailbox.operator is 'Who is called by a caller who presses 0; empty: as confab.conf says';
comment on column mailbox.max_seconds is 'Quota of all messages together in seconds; 0: none';
comment on column mailbox.max_bytes is 'Quota of all messages together in bytes; 0: none';
comment on column mailbox.trash_days is 'How long a deleted message can be brought back; null: as confab.conf says';
comment on column mailbox.keep_days is 'After so many days a message that was heard is deleted; null: as confab.conf says; 0: never';
comment on column mailbox.legal_hold is 'Nothing in it is ever removed from the tables, whatever anybody deletes';
comment on column mailbox.login_from_greeting is 'Who presses * during the greeting on an outside line may log in; from a subscriber''s own phone he always may';
comment on column mailbox.dial_out is 'Patterns of numbers that its owner may call from it; empty: none';
