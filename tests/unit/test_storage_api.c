/* What the HTTP API asks of storage: tokens, pages of rows, single entries, and how storage is. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/change.h"
#include "storage/door.h"
#include "tests/unit/test_storage_kit.h"

static struct token token;
static struct storage_health health;
static json_t *page;

static void token_answered(struct ticket ticket, int error, const struct token *found)
{
    if (found != NULL)
        token = *found;
    done_answered(ticket, error);
}

static void page_answered(struct ticket ticket, int error, char **json)
{
    json_decref(page);
    page = error == 0 ? json_loads(*json, 0, NULL) : NULL;
    done_answered(ticket, error);
}

static void health_answered(struct ticket ticket, const struct storage_health *found)
{
    health = *found;
    done_answered(ticket, 0);
}

static int find(const char *sha256)
{
    return ASK(token_find(kit.st, sha256, TICKET, token_answered));
}

static int list(enum listing listing, const char *key, const char *after, unsigned most)
{
    struct listing_query query = {.most = most};

    snprintf(query.key, sizeof query.key, "%s", key);
    snprintf(query.after, sizeof query.after, "%s", after);
    return ASK(listing_read(kit.st, listing, &query, TICKET, page_answered));
}

static const char *next(void)
{
    return json_string_value(json_object_get(page, "next"));
}

static const char *column(size_t row, const char *name)
{
    return json_string_value(json_object_get(json_array_get(json_object_get(page, "items"), row), name));
}

static size_t rows(void)
{
    return json_array_size(json_object_get(page, "items"));
}

#define DIGEST "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

START_TEST(tokens_are_found_by_their_digests)
{
    ck_assert_int_eq(find(DIGEST), ENOENT);
    kit_sql("insert into token (name, sha256, role, subject) "
            "values ('wall', sha256('abc'), 'host', '3100') returning 1");
    ck_assert_int_eq(find(DIGEST), 0);
    ck_assert_str_eq(token.name, "wall");
    ck_assert_str_eq(token.role, "host");
    ck_assert_str_eq(token.subject, "3100");
    ck_assert_int_eq(token.expires, 0);
    ck_assert_int_eq(kit_sql("select count(*) from token where last_used > now() - interval '1 minute'"), 1);
    kit_sql("update token set expires = now() returning 1");
    ck_assert_int_eq(find(DIGEST), ENOENT);
    ck_assert_int_eq(token_find(kit.st, "abc", TICKET, token_answered), EINVAL);
}
END_TEST

START_TEST(rows_come_in_pages)
{
    ck_assert_int_eq(list(LISTING_SUBSCRIBERS, "", "", 3), 0);
    ck_assert_uint_eq(rows(), 3);
    ck_assert_str_eq(column(0, "number"), "1001");
    ck_assert_str_eq(next(), "1003");
    ck_assert_int_eq(list(LISTING_SUBSCRIBERS, "", "1003", 100), 0);
    ck_assert_str_eq(column(0, "number"), "1004");
    ck_assert_ptr_null(next());
    ck_assert_int_eq(list(LISTING_SUBSCRIBERS, "1002", "", 1), 0);
    ck_assert_uint_eq(rows(), 1);
    ck_assert_int_eq(list(LISTING_SUBSCRIBERS, "nobody", "", 1), 0);
    ck_assert_uint_eq(rows(), 0);
    ck_assert_int_eq(list(LISTING_MAILBOXES, "1001", "", 1), 0);
    ck_assert_str_eq(column(0, "kind"), "person");
    ck_assert_int_eq(list(LISTING_REGISTRATIONS, "", "", 10), 0);
    ck_assert_int_eq(list(LISTING_MESSAGES, "1001", "none", 10), 0);
    ck_assert_int_eq(list(LISTING_TOKENS, "", "", 10), 0);
    ck_assert_int_eq(list(LISTING_RECORDINGS, "", "", 10), 0);
    ck_assert_int_eq(list(LISTING_CALLS, "", "", 10), 0);
    ck_assert_int_eq(list(LISTING_TRACE, "none", "1", 10), 0);
    ck_assert_uint_eq(rows(), 0);
    ck_assert_int_eq(listing_read(kit.st, LISTING_TRACE,
                                  &(struct listing_query){.after = "1; drop", .most = 1}, TICKET,
                                  page_answered),
                     EINVAL);
}
END_TEST

static struct change order(enum change_kind kind, const char *key, const char *fields, const char *secret)
{
    struct change change = {.kind = kind};

    snprintf(change.key, sizeof change.key, "%s", key);
    snprintf(change.fields, sizeof change.fields, "%s", fields);
    snprintf(change.secret, sizeof change.secret, "%s", secret);
    return change;
}

static int alter(enum change_kind kind, const char *key, const char *fields, const char *secret)
{
    struct change change = order(kind, key, fields, secret);

    return ASK(change_submit(kit.st, &change, TICKET, done_answered));
}

/* RFC 7616 section 3.4.2: H(number:realm:password), which binds realm and number. */
START_TEST(changes_are_whole_or_none)
{
    ck_assert_int_eq(alter(SUBSCRIBER_ADD, "1500", "{\"name\": \"Zo\", \"ring_s\": 7}", "open sesame"), 0);
    ck_assert_int_eq(
        kit_sql("select ring_s from subscriber where number = '1500' and name = 'Zo' and zone = 'UTC'"), 7);
    ck_assert_int_eq(kit_sql("select count(*) from credential where number = '1500' and "
                             "ha1_md5 = md5('1500:' || realm || ':open sesame') and ha1_sha256 = "
                             "encode(sha256(convert_to('1500:' || realm || ':open sesame', 'UTF8')), 'hex')"),
                     1);
    ck_assert_int_eq(alter(SUBSCRIBER_ADD, "1500", "", "another"), EEXIST);
    ck_assert_int_eq(alter(SUBSCRIBER_ADD, "1501", "{\"mailbox\": \"none\"}", "x"), ESRCH);
    ck_assert_int_eq(alter(SUBSCRIBER_ADD, "1501", "{\"zone\": \"Middle/Earth\"}", "x"), EINVAL);
    ck_assert_int_eq(alter(SUBSCRIBER_EDIT, "1501", "", "x"), ENOENT);
    ck_assert_int_eq(alter(SUBSCRIBER_EDIT, "1501", "{}", ""), ENOENT);
    ck_assert_int_eq(kit_sql("select count(*) from subscriber where number = '1501'"), 0);
    ck_assert_int_eq(alter(SUBSCRIBER_EDIT, "1500", "{\"mailbox\": \"1002\"}", ""), 0);
    ck_assert_int_eq(
        kit_sql("select count(*) from subscriber where number = '1500' and mailbox = '1002' and ring_s = 7"),
        1);
    ck_assert_int_eq(alter(SUBSCRIBER_REMOVE, "1500", "", ""), 0);
    ck_assert_int_eq(alter(SUBSCRIBER_REMOVE, "1500", "", ""), ENOENT);
    ck_assert_int_eq(alter(MAILBOX_ADD, "1500", "{}", "1234"), EINVAL);
    ck_assert_int_eq(alter(MAILBOX_ADD, "1500", "{}", "123456"), EPERM);
    ck_assert_int_eq(kit_sql("select count(*) from mailbox where number = '1500'"), 0);
    ck_assert_int_eq(alter(MAILBOX_EDIT, "1003", "{\"keep_days\": 9}", ""), 0);
    ck_assert_int_eq(
        alter(MAILBOX_EDIT, "1003", "{\"keep_days\": null, \"pin_must_change\": true}", "602947"), 0);
    ck_assert_int_eq(kit_sql("select count(*) from mailbox where number = '1003' and keep_days is null and "
                             "pin_must_change"),
                     1);
    ck_assert_int_eq(alter(TOKEN_ADD, "x", "{\"sha256\": \"00\", \"role\": \"admin\"}", ""), EINVAL);
}
END_TEST

static enum room_role role;

static void role_answered(struct ticket ticket, int error, const struct door_person *person)
{
    if (error == 0)
        role = person->role;
    done_answered(ticket, error);
}

/* Who types the PINs that were set is let in as what they say; a row that is set anew keeps them. */
START_TEST(rooms_have_the_pins_they_were_given)
{
    const struct door_caller caller = {.number = "1500", .caller = "1001", .address = "192.0.2.1"};

    ck_assert_int_eq(alter(ROOM_PIN, "1500", "", "4802"), ENOENT);
    ck_assert_int_eq(alter(ROOM_SET, "1500", "{\"max_members\": 3}", ""), 0);
    ck_assert_int_eq(alter(ROOM_PIN, "1500", "", "480"), EINVAL);
    ck_assert_int_eq(alter(ROOM_PIN, "1500", "", "4802"), 0);
    ck_assert_int_eq(alter(ROOM_HOST_PIN, "1500", "", "591327"), 0);
    ck_assert_int_eq(
        alter(ROOM_SET, "1500", "{\"times\": [{\"begins\": \"2026-01-02 10:00\", \"minutes\": 60}]}", ""), 0);
    ck_assert_int_eq(kit_sql("select count(*) from room_time where room = '1500' and zone = 'UTC'"), 1);
    ck_assert_int_eq(kit_sql("select max_members from room where number = '1500'"), 0);
    ck_assert_int_eq(ASK(door_check_pin(kit.st, &caller, "4802", TICKET, role_answered)), 0);
    ck_assert_int_eq(role, ROLE_MEMBER);
    ck_assert_int_eq(ASK(door_check_pin(kit.st, &caller, "591327", TICKET, role_answered)), 0);
    ck_assert_int_eq(role, ROLE_HOST);
    ck_assert_int_eq(alter(ROOM_SET, "1500", "{\"record\": \"video\"}", ""), EINVAL);
    ck_assert_int_eq(alter(ROOM_SET, "1500", "{\"profile\": \"none\"}", ""), ESRCH);
    ck_assert_int_eq(alter(ROOM_REMOVE, "1500", "", ""), 0);
    ck_assert_int_eq(alter(ROOM_REMOVE, "1500", "", ""), ENOENT);
}
END_TEST

START_TEST(an_administrator_needs_no_loop)
{
    struct change change = order(MAILBOX_ADD, "1600", "{\"name\": \"Ada\"}", "602947");
    struct listing_query query = {.key = "1600", .most = 1};
    struct admin *admin;
    json_t *report, *box;
    size_t i;
    const json_t *file;

    ck_assert_int_eq(admin_open(&admin, kit.settings), 0);
    ck_assert_int_eq(admin_change(admin, &change), 0);
    ck_assert_int_eq(admin_change(admin, &change), EEXIST);
    ck_assert_int_eq(admin_list(admin, LISTING_MAILBOXES, &query, &box), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(box, "items")), 1);
    ck_assert_int_eq(admin_examine(admin, &report), 0);
    ck_assert_uint_gt(json_array_size(json_object_get(report, "migrations")), 10);
    json_array_foreach(json_object_get(report, "migrations"), i, file)
    {
        ck_assert_str_eq(json_string_value(json_object_get(file, "state")), "applied");
    }
    json_decref(report);
    kit_sql("update schema_migration set checksum = 'x' where number = 1 returning 1");
    kit_sql("delete from schema_migration where number = 2 returning 1");
    ck_assert_int_eq(admin_examine(admin, &report), 0);
    ck_assert_str_eq(
        json_string_value(json_object_get(json_array_get(json_object_get(report, "migrations"), 0), "state")),
        "changed");
    ck_assert_str_eq(
        json_string_value(json_object_get(json_array_get(json_object_get(report, "migrations"), 1), "state")),
        "pending");
    json_decref(report);
    json_decref(box);
    admin_close(admin);
}
END_TEST

/* What a database would take for more than a value stays one. */
START_TEST(a_key_is_no_sql)
{
    ck_assert_int_eq(list(LISTING_SUBSCRIBERS, "' or '' = '", "", 10), 0);
    ck_assert_uint_eq(rows(), 0);
    ck_assert_int_eq(list(LISTING_SUBSCRIBERS, "\xFF", "", 10), 0);
    ck_assert_uint_eq(rows(), 0);
}
END_TEST

START_TEST(it_tells_how_it_is)
{
    char path[256];

    ck_assert_int_eq(ASK(storage_examine(kit.st, TICKET, health_answered)), 0);
    ck_assert_int_eq(health.database_error, 0);
    ck_assert_int_eq(health.spool_error, 0);
    ck_assert_uint_eq(health.spool_age_s, 0);
    ck_assert(!kit_has("spool/open/probe"));
    /* A folder in its place: not even root can write a file there. */
    kit_path(path, sizeof path, "spool/open/probe");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(ASK(storage_examine(kit.st, TICKET, health_answered)), 0);
    ck_assert_int_eq(health.spool_error, EIO);
    ck_assert_int_eq(rmdir(path), 0);
    kit_sql("insert into outbox (kind, payload, created) values ('mail', '{}', now() - interval '90 s') "
            "returning 1");
    ck_assert_int_eq(ASK(storage_examine(kit.st, TICKET, health_answered)), 0);
    ck_assert_uint_ge(health.outbox_age_s, 90);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage-api");
    TCase *tests = tcase_create("api");

    tcase_add_checked_fixture(tests, kit_setup, kit_teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, tokens_are_found_by_their_digests);
    tcase_add_test(tests, rows_come_in_pages);
    tcase_add_test(tests, a_key_is_no_sql);
    tcase_add_test(tests, changes_are_whole_or_none);
    tcase_add_test(tests, rooms_have_the_pins_they_were_given);
    tcase_add_test(tests, an_administrator_needs_no_loop);
    tcase_add_test(tests, it_tells_how_it_is);
    suite_add_tcase(suite, tests);
    return kit_main(suite);
}
