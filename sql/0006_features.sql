-- Who called a subscriber last, for the code that calls him back. Callers who withhold their number leave no row.
create table last_caller (
    subscriber text primary key references subscriber on update cascade on delete cascade,
    number     text not null check (number <> '' and length(number) < 64),
    called     timestamptz not null default now()
);
comment on table last_caller is 'The newest caller of each subscriber, answered or not';
