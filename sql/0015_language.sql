-- The language in which the server speaks to a subscriber.
alter table subscriber
    add column language text not null default '' check (octet_length(language) < 16);
comment on column subscriber.language is 'Language of what is said to him, "fr"; empty: his mailbox''s, else the server''s';
