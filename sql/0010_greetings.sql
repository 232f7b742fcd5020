-- Greetings for single causes, times and callers, and one that ends by itself.

alter table greeting
    drop constraint greeting_kind_check,
    drop constraint greeting_pkey,
    add column callers text not null default '' check (octet_length(callers) < 256),
    add column ends    timestamptz,
    add constraint greeting_kind_check check (
        kind in ('unavailable', 'busy', 'name', 'temporary', 'no-answer', 'closed', 'caller')),
    add constraint greeting_callers_kind check ((kind = 'caller') = (callers <> '')),
    add primary key (mailbox, kind, callers);
comment on column greeting.kind is
    'unavailable: the standard one; busy, no-answer: by cause; closed: outside mailbox.open_hours and on holidays; temporary: out of office; caller: for those in callers; name: put into the standard words';
comment on column greeting.callers is
    'Who hears it: patterns as in the number plan, parted by blanks; only in greetings for single callers';
comment on column greeting.ends is 'From then on it is as if it were not there; null: it stays';

alter table mailbox
    add column open_hours text not null default '' check (octet_length(open_hours) < 512);
comment on column mailbox.open_hours is
    'When somebody is there, "mon-fri 08:00-18:00, sat 09:00-12:00", in the zone of the mailbox; empty: always';

create table holiday (
    id        bigint generated always as identity primary key,
    mailbox   text references mailbox on update cascade on delete cascade,
    first_day date not null,
    last_day  date not null,
    name      text not null default '',
    check (last_day >= first_day)
);
comment on table holiday is 'Days on which nobody is there, whatever mailbox.open_hours says';
comment on column holiday.mailbox is 'Whose; null: everybody''s';
comment on column holiday.last_day is 'It is one, too';
create index holiday_mailbox on holiday (mailbox);
