/*
 * Every key in every state of every map: something is said or done at it, and each state leads to good-bye.
 * A state is the way of keys that leads to it from the main menu; what storage is asked, it answers.
 */
#include "tests/unit/voicemail_double.h"

#include "apps/voicemail/voicemail.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYS "0123456789*#"
#define DEPTH 4

/* -- an owner whose storage answers
 * ------------------------------------------------------------------------------------ */

/* Every job is answered as when all is well, until nothing is asked any more. */
static void storage_answers(void)
{
    struct mailbox box = plain;

    while (*asked.told) {
        char job[sizeof asked.told];
        const char *last = strrchr(strcpy(job, asked.told), ' ');
        last = last ? last + 1 : job;
        *asked.told = '\0';
        if (!strncmp(last, "list=", 5)) {
            list_entries(3, entries);
        } else if (!strncmp(last, "update=", 7) || !strncmp(last, "claim=", 6)) {
            struct entry entry = asked.wanted;
            entry.version++;
            asked.entry(asked.ticket, 0, &entry);
        } else if (!strncmp(last, "fetch=", 6) || !strncmp(last, "open=", 5) ||
                   !strncmp(last, "greeting=", 9)) {
            asked.file(asked.ticket, 0, "/cache/one.wav");
        } else if (!strncmp(last, "call-out=", 9)) {
            asked.leave(asked.ticket, EACCES, NULL);
        } else if (!strncmp(last, "find=", 5) || !strncmp(last, "recipient=", 10)) {
            asked.mailbox(asked.ticket, 0, &box);
        } else if (!strncmp(last, "discard=", 8)) {
            continue;
        } else {
            asked.done(asked.ticket, 0);
        }
    }
}

/* Words that lead on by themselves are heard to their end. */
static void settle(struct link *link)
{
    storage_answers();
    while (link->played) {
        play_over(link);
        storage_answers();
    }
}

static struct link *walk(const struct mailbox *box, const char *way)
{
    struct link *link = visit_as(box, 3, 0);

    for (; *way; way++) {
        press(link, *way);
        settle(link);
    }
    return link;
}

/* The double has room for few calls: this one's place is free for the next. */
static void leave(struct link *link)
{
    hang_up(link);
    memset(link, 0, sizeof *link);
    memset(&asked, 0, sizeof asked);
    call_count = 0;
}

static bool is_over(const struct link *link)
{
    return strstr(link->told, "hangup") != NULL;
}

/* Nothing is pressed any more: whatever he is asked, the call ends with good-bye. */
static void ck_leads_out(struct link *link, const char *way)
{
    for (int i = 0; i < 60 && !is_over(link); i++) {
        *link->told = *asked.told = '\0';
        if (link->menu)
            press(link, 0);
        else if (link->typed)
            type(link, "");
        else if (link->recorded)
            record(link, RECORDED_SILENCE, 10, 0);
        else
            ck_abort_msg("%s: neither asks nor speaks", way);
        settle(link);
    }
    ck_assert_msg(is_over(link), "%s: never ends", way);
}

/* -- the walk
 * ----------------------------------------------------------------------------------------------------------
 */

struct walked {
    const struct mailbox *box;
    const struct keymap_settings *map;
    bool seen[MENU_COUNT][2]; /* each menu, with a message at hand and without */
};

static bool is_invalid(const char *told)
{
    return strstr(told, "pm-invalid-option") != NULL;
}

static bool map_binds(const struct walked *walked, enum menu menu, char key)
{
    const struct menu_settings *keys = keymap_menu(walked->map, menu_name(menu));

    for (size_t i = 0; i < keys->key_count; i++)
        if (keys->keys[i].key == key)
            return true;
    return false;
}

static void walk_from(struct walked *walked, const char *way);

/* One key in the state at the end of `way`. */
static void step(struct walked *walked, const char *way, char key)
{
    struct link *link = walk(walked->box, way);
    struct voicemail *vm = link_state(link);
    enum menu menu = vm->menu;
    bool at_message = vm->list != NULL, speaks;
    char next[DEPTH + 2], was[256];

    snprintf(next, sizeof next, "%s%c", way, key);
    snprintf(was, sizeof was, "%s menu=%s", next, menu_name(menu));
    *link->told = *asked.told = '\0';
    press(link, key);
    /* In a menu every key is taken; while a message plays one that does nothing leaves it playing. */
    speaks = *link->told || *asked.told;
    ck_assert_msg(speaks || (menu == MENU_PLAYING && !map_binds(walked, menu, key)), "%s: silence", was);
    if (at_message && map_binds(walked, menu, key))
        ck_assert_msg(!is_invalid(link->told), "%s: bound and refused", was);
    if (!map_binds(walked, menu, key) && menu != MENU_PLAYING)
        ck_assert_msg(is_invalid(link->told), "%s: unbound and not told so", was);
    settle(link);
    if (!is_over(link))
        ck_leads_out(link, was);
    leave(link);
    if (speaks)
        walk_from(walked, next);
}

static void walk_from(struct walked *walked, const char *way)
{
    struct link *link = walk(walked->box, way);
    struct voicemail *vm = link_state(link);
    bool asks = !is_over(link) && link->menu && (strchr(link->keys, '*') || vm->menu == MENU_PLAYING);
    bool *seen = &walked->seen[vm->menu][vm->list != NULL];
    bool fresh = asks && !*seen && strlen(way) < DEPTH;

    if (asks)
        *seen = true;
    leave(link);
    for (const char *key = KEYS; fresh && *key; key++)
        step(walked, way, *key);
}

static const char *const maps[] = {"asterisk", "freeswitch"};

START_TEST(every_key_in_every_state)
{
    struct mailbox box = plain;
    struct walked walked = {&box, settings_keymap(&settings, maps[_i]), {{false}}};

    snprintf(box.keymap, sizeof box.keymap, "%s", maps[_i]);
    box.greetings[GREETING_TEMPORARY] = true;
    walk_from(&walked, "");
    for (int menu = 0; menu < MENU_COUNT; menu++)
        ck_assert_msg(walked.seen[menu][false] || walked.seen[menu][true], "%s: %s is never reached",
                      maps[_i], menu_name((enum menu)menu));
}
END_TEST

/* What a key does is always said: by a recording or by a phrase of its own. */
START_TEST(every_act_has_words)
{
    static const char *const states[] = {"undelete",    "newest-first", "oldest-first", "autoplay-off",
                                         "envelope-on", "envelope-off", "advanced",     "options",
                                         "preferences", "main",         "message"};
    char name[64];

    for (size_t i = 0; act_at(i); i++) {
        if (!strcmp(act_at(i)->name, "listen") || (act_at(i)->phrase && !prompts_know(act_at(i)->name)))
            continue; /* named after a folder, or by its state, below */
        snprintf(name, sizeof name, "key-%s", act_at(i)->name);
        ck_assert_msg(prompts_know(name), "%s", name);
    }
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        snprintf(name, sizeof name, "key-%s", states[i]);
        ck_assert_msg(prompts_know(name), "%s", name);
    }
}
END_TEST

/* -- maps of confab.conf
 * ----------------------------------------------------------------------------------------------- */

struct fault {
    int line;
    char what[256];
    unsigned count;
};

static void note_fault(int line, const char *what, void *arg)
{
    struct fault *fault = arg;

    fault->line = line;
    fault->count++;
    snprintf(fault->what, sizeof fault->what, "%s", what);
}

static void note_line(const char *line, void *arg)
{
    note_fault(0, line, arg);
}

/* Settings of this text; faults of the file itself are noted, too. */
static const struct settings *load(const char *text, struct fault *fault)
{
    const struct settings *loaded = NULL;
    char path[] = "/tmp/keymapXXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");

    fputs(text, f);
    fclose(f);
    if (settings_load(&loaded, path, note_line, fault) == 0)
        keymap_judge(loaded, note_fault, fault);
    unlink(path);
    return loaded;
}

START_TEST(faults_of_maps_are_named)
{
    static const struct {
        const char *menu, *what;
        int line;
    } cases[] = {
        {"menu \"message\" {\nkey \"1\" { act = \"fly\" }\nkey \"#\" { act = \"exit\" }\n}", "unknown", 3},
        {"menu \"main\" {\nkey \"1\" { act = \"delete\" }\nkey \"#\" { act = \"exit\" }\n}",
         "cannot be done there", 3},
        {"menu \"main\" {\nkey \"1\" { act = \"listen\" }\n}", "no key leads out", 2},
        {"menu \"elsewhere\" {\nkey \"1\" { act = \"exit\" }\n}", "there is no menu", 2},
        {"menu \"main\" {\nkey \"1\" { menu = \"room\" }\nkey \"#\" { act = \"exit\" }\n}",
         "opens no menu that there is", 3},
        {"menu \"main\" {\nprompt = {\"nonsense\"}\nkey \"#\" { act = \"exit\" }\n}", "neither a phrase", 2},
        {"menu \"main\" {\nkey \"#\" { act = \"exit\" value = 3 }\n}", "and nothing else", 3},
        {"menu \"options\" {\nkey \"#\" { act = \"back\" }\n}\nmenu \"preferences\" {\n"
         "key \"#\" { act = \"back\" }\n}",
         "menu \"preferences\": no key leads to it", 5},
        {"menu \"main\" {\nkey \"1\" { act = \"exit\" }\nkey \"1\" { act = \"help\" }\n}", "", 0},
        {"", "has no menu", 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault fault = {0};
        char text[512];
        snprintf(text, sizeof text, "keymap \"mine\" {\n%s\n}\n", cases[i].menu);
        settings_free(load(text, &fault));
        ck_assert_msg(fault.count == 1, "%zu: %u faults", i, fault.count);
        ck_assert_msg(strstr(fault.what, cases[i].what) != NULL, "%zu: %s", i, fault.what);
        ck_assert_int_eq(fault.line, cases[i].line);
    }
}
END_TEST

START_TEST(unknown_map_is_a_fault)
{
    struct fault fault = {0};

    settings_free(load("voicemail {\n keymap = \"mine\"\n}\n", &fault));
    ck_assert_ptr_nonnull(strstr(fault.what, ":2: keymap: there is no \"mine\""));
}
END_TEST

/* A map takes the place of the menus that it names; words follow its keys. */
START_TEST(own_map_speaks_its_keys)
{
    struct fault fault = {0};
    struct mailbox box = plain;
    const struct settings *mine =
        load("voicemail { keymap = \"mine\" }\nkeymap \"mine\" {\n menu \"message\" {\n"
             "  key \"3\" { act = \"delete\" }\n  key \"6\" { act = \"next\" }\n"
             "  key \"0\" { act = \"exit\" }\n }\n menu \"playing\" {\n"
             "  key \"9\" { act = \"softer\" }\n }\n}\n",
             &fault);
    struct link *link;

    ck_assert_ptr_nonnull(mine);
    ck_assert_uint_eq(fault.count, 0);
    settings.keymap = mine->keymap;
    settings.keymaps = mine->keymaps;
    settings.keymap_count = mine->keymap_count;
    link = listens();
    ck_assert_str_eq(link->keys, "");
    ck_assert_str_eq(link->live, "9");
    *link->told = '\0';
    press(link, '9');
    ck_told(link, "gain=-6");
    press(link, 0);
    updated();
    ck_told(link, "menu=vm-press+digits/3+key-delete+vm-next+vm-press+digits/0+key-exit");
    press(link, '7');
    ck_told(link, "play=pm-invalid-option");
    play_over(link);
    *link->told = '\0';
    press(link, '3');
    ck_told(&asked, "update=one,heard,deleted/0");

    /* One that is gone from the settings is the server's. */
    snprintf(box.keymap, sizeof box.keymap, "gone");
    link = visit_as(&box, 1, 0);
    press(link, '1');
    ck_assert_ptr_nonnull(strstr(logged, "keymap-unknown mailbox=1002 keymap=gone"));
    hang_up(link);
    settings.keymap = NULL;
    settings.keymaps = NULL;
    settings.keymap_count = 0;
    settings_free(mine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("voicemail_keys");
    TCase *tc = tcase_create("voicemail_keys");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, voicemail_begin, double_end);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, every_key_in_every_state, 0, 2);
    tcase_add_test(tc, every_act_has_words);
    tcase_add_test(tc, faults_of_maps_are_named);
    tcase_add_test(tc, unknown_map_is_a_fault);
    tcase_add_test(tc, own_map_speaks_its_keys);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
