/*
 * The table of keys of confab.conf: section, name, range or grammar, default, and the field of struct
 * settings.
 *
 * Each value is judged while libconfuse parses it, when the line is known, and a bad one does not stop the
 * parser: so a single run names every fault but those behind a syntax error or an unknown key, at which
 * libconfuse gives up.
 */
#include <arpa/inet.h>
#include <confuse.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/schedule.h"
#include "core/base/settings_internal.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* -- Grammar of single values: each gives NULL, or what is wrong
 * --------------------------------------------------- */

static const char *port_fault(const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    return isdigit((unsigned char)*text) && *end == '\0' && port >= 1 && port <= 65535
               ? NULL
               : "has no port from 1 to 65535";
}

static const char *listen_fault(const char *text)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char parsed[16];
    bool v6 = *text == '[';
    const char *begin = text + v6, *end = v6 ? strchr(text, ']') : strchr(text, ':');

    if (end == NULL || (v6 && end[1] != ':')) {
        return "is not ADDRESS:PORT or [ADDRESS]:PORT";
    }
    size_t length = (size_t)(end - begin);
    if (length >= sizeof address) {
        return "is no IP address";
    }
    memcpy(address, begin, length);
    address[length] = '\0';
    if (inet_pton(v6 ? AF_INET6 : AF_INET, address, parsed) != 1) {
        return "is no IP address";
    }
    return port_fault(end + 1 + v6);
}

static const char *address_fault(const char *text)
{
    unsigned char parsed[16];
    return inet_pton(AF_INET, text, parsed) == 1 || inet_pton(AF_INET6, text, parsed) == 1
               ? NULL
               : "is no IP address";
}

static const char *address4_fault(const char *text)
{
    unsigned char parsed[16];
    return inet_pton(AF_INET, text, parsed) == 1 ? NULL : "is no IPv4 address";
}

static const char *address6_fault(const char *text)
{
    unsigned char parsed[16];
    return inet_pton(AF_INET6, text, parsed) == 1 ? NULL : "is no IPv6 address";
}

static const char *codec_fault(const char *text)
{
    return codec_from_name(text) >= 0 ? NULL : "is no codec: PCMU, PCMA, G722 and opus are";
}

static const char *io_fault(const char *text)
{
    return !strcmp(text, "auto") || !strcmp(text, "uring") || !strcmp(text, "plain")
               ? NULL
               : "is none of auto, uring, plain";
}

static const char *dialog_info_fault(const char *text)
{
    return !strcmp(text, "all") || !strcmp(text, "group") || !strcmp(text, "off")
               ? NULL
               : "is none of all, group, off";
}

static const char *refer_fault(const char *text)
{
    return !strcmp(text, "execute") || !strcmp(text, "pass") ? NULL : "is none of execute, pass";
}

static const char *diverted_to_fault(const char *text)
{
    return !strcmp(text, "first") || !strcmp(text, "last") ? NULL : "is none of first, last";
}

static const char *srtp_fault(const char *text)
{
    return srtp_policy_from_name(text) >= 0 ? NULL : "is none of off, optional, required";
}

static const char *record_fault(const char *text)
{
    return !strcmp(text, "off") || !strcmp(text, "mix") || !strcmp(text, "tracks")
               ? NULL
               : "is none of off, mix, tracks";
}

static const char *record_format_fault(const char *text)
{
    return !strcmp(text, "wav") || !strcmp(text, "flac") || !strcmp(text, "opus")
               ? NULL
               : "is none of wav, flac, opus";
}

static const char *level_fault(const char *text)
{
    return log_level_from_name(text) >= 0 ? NULL : "is no level: debug, info, notice, warning and error are";
}

static const char *folder_fault(const char *text)
{
    return *text == '/' ? NULL : "is not an absolute path";
}

static const char *filled_fault(const char *text)
{
    return *text != '\0' ? NULL : "is empty";
}

/* A quoted-string of Digest without need of escapes (RFC 7616 §3.3), and one line. */
const char *realm_fault(const char *text)
{
    if (*text == '\0') {
        return "is empty";
    }
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == '"' || *text == '\\' || *text == ':') {
            return "may hold neither quotes, backslashes, colons nor control characters";
        }
    }
    return NULL;
}

static const char *language_fault(const char *text)
{
    return strlen(text) >= 2 && strlen(text) < 16 &&
                   strspn(text, "abcdefghijklmnopqrstuvwxyz-") == strlen(text)
               ? NULL
               : "is no language: write \"en\"";
}

static const char *operator_fault(const char *text)
{
    return strlen(text) < 64 && strspn(text, "+*#0123456789") == strlen(text) ? NULL : "is no number";
}

static const char *uri_fault(const char *text)
{
    size_t scheme = strncmp(text, "sip:", 4) == 0 ? 4 : 0;
    if (scheme == 0 || text[scheme] == '\0' || strpbrk(text, " <>\"") != NULL) {
        return "is no SIP URI: write \"sip:HOST:PORT;transport=udp\"";
    }
    return NULL;
}

static const char *web_fault(const char *text)
{
    return !strncmp(text, "http://", 7) || !strncmp(text, "https://", 8) ? NULL
                                                                         : "is neither http:// nor https://";
}

static const char *smtp_fault(const char *text)
{
    return !strncmp(text, "smtp://", 7) || !strncmp(text, "smtps://", 8)
               ? NULL
               : "is no mail server: write \"smtp://HOST:PORT\"";
}

static const char *mail_address_fault(const char *text)
{
    return strchr(text, '@') != NULL && strpbrk(text, " <>\r\n") == NULL && strlen(text) < 255
               ? NULL
               : "is no address: write \"USER@HOST\"";
}

static const char *mail_format_fault(const char *text)
{
    return !strcmp(text, "wav") || !strcmp(text, "opus") ? NULL : "is none of wav, opus";
}

static const char *tls_fault(const char *text)
{
    return !strcmp(text, "off") || !strcmp(text, "optional") || !strcmp(text, "required")
               ? NULL
               : "is none of off, optional, required";
}

static const char *events_fault(const char *text)
{
    static const char *const known[] = {"message-new",        "message-read", "message-deleted",
                                        "message-transcript", "mailbox-full", "login-failed"};

    for (size_t length; *(text += strspn(text, " ")) != '\0'; text += length) {
        bool found = false;
        length = strcspn(text, " ");
        for (size_t i = 0; i < COUNT(known); i++) {
            found = found || (strlen(known[i]) == length && strncmp(text, known[i], length) == 0);
        }
        if (!found) {
            return "names an event that there is not: message-new, message-read, message-deleted, "
                   "message-transcript, mailbox-full and login-failed are";
        }
    }
    return NULL;
}

/* -- The table of keys
 * --------------------------------------------------------------------------------------------- */

enum kind { NUMBER, TEXT, LIST, TRUTH };

struct key {
    const char *section, *name;
    enum kind kind;
    long low, high, number;             /* NUMBER: range and default; TRUTH: default */
    const char *text;                   /* TEXT, LIST: default, as libconfuse writes it; NULL: none */
    const char *(*fault)(const char *); /* TEXT, LIST: of each value */
    size_t offset;                      /* of the unsigned, bool or char * in struct settings; LIST: unused */
};

#define N(section, name, field, low, high, number)                                                           \
    {                                                                                                        \
        section, name, NUMBER, low, high, number, NULL, NULL, offsetof(struct settings, field)               \
    }
#define T(section, name, field, text, fault)                                                                 \
    {                                                                                                        \
        section, name, TEXT, 0, 0, 0, text, fault, offsetof(struct settings, field)                          \
    }
#define L(section, name, text, fault)                                                                        \
    {                                                                                                        \
        section, name, LIST, 0, 0, 0, text, fault, 0                                                         \
    }
#define B(section, name, field, truth)                                                                       \
    {                                                                                                        \
        section, name, TRUTH, 0, 0, truth, NULL, NULL, offsetof(struct settings, field)                      \
    }
#define NOT_STORED SIZE_MAX

static const struct key keys[] = {
    T("root", "realm", realm, "confab", realm_fault),
    L("sip", "listen", "{\"127.0.0.1:5060\"}", listen_fault),
    N("sip", "registration_min", registration_min_s, 10, 86400, 60),
    N("sip", "registration_max", registration_max_s, 60, 604800, 7200),
    N("sip", "registration_default", registration_default_s, 10, 604800, 3600),
    N("sip", "session_expires", session_expires_s, 90, 86400, 1800), /* RFC 4028 §4: not below 90 */
    B("sip", "prack", prack, true),
    N("sip", "session_min_se", session_min_se_s, 90, 86400, 90),
    N("sip", "ring", ring_s, 1, 600, 20),
    B("sip", "hold_music", hold_music, false),
    B("sip", "recall", recall, true),
    T("sip", "refer", refer, "execute", refer_fault),
    T("sip", "dialog_info", dialog_info, "group", dialog_info_fault),
    T("media", "address4", media_address4, NULL, address4_fault),
    T("media", "address6", media_address6, NULL, address6_fault),
    N("media", "rtp_port_low", rtp_port_low, 1024, 65534, 20000),
    N("media", "rtp_port_high", rtp_port_high, 1025, 65535, 29999),
    N("media", "workers", media_workers, 0, 256, 0),
    N("media", "rtp_timeout", rtp_timeout_s, 0, 86400, 60),
    N("media", "wide_room", wide_room, 1, 1000000, 128),
    T("media", "io", media_io, "auto", io_fault),
    {"media", "srtp", TEXT, 0, 0, 0, "optional", srtp_fault, NOT_STORED},
    L("media", "codecs", "{\"opus\", \"G722\", \"PCMU\", \"PCMA\"}", codec_fault),
    T("database", "connection", database, "dbname=confab", filled_fault),
    N("database", "connections", database_connections, 1, 64, 2),
    T("database", "migrations", sql_dir, SQL_DIR, folder_fault),
    T("voicemail", "spool", spool_dir, "/var/lib/confab/spool", folder_fault),
    T("voicemail", "cache", cache_dir, "/var/cache/confab", folder_fault),
    N("voicemail", "message_max", message_max_s, 1, 3600, 300),
    N("voicemail", "message_min_ms", message_min_ms, 0, 60000, 1000),
    N("voicemail", "message_silence", message_silence_s, 0, 600, 10),
    T("voicemail", "diverted_to", diverted_to, "first", diverted_to_fault),
    T("voicemail", "keymap", keymap, KEYMAP_DEFAULT, filled_fault),
    N("voicemail", "message_gap", message_gap_s, 0, 600, 30),
    B("voicemail", "screen_keep", screen_keep, true),
    B("voicemail", "fax", fax, true),
    N("voicemail", "fax_pages", fax_pages, 1, 1000, 100),
    N("voicemail", "fax_minutes", fax_minutes, 1, 600, 60),
    N("voicemail", "fax_mb", fax_mb, 1, 200, 20),
    T("voicemail", "operator", operator_number, "", operator_fault),
    N("voicemail", "calls_a_day", calls_a_day, 0, 10000, 20),
    N("voicemail", "call_minutes", call_minutes, 1, 1440, 120),
    N("voicemail", "callouts_a_day", callouts_a_day, 0, 10000, 20),
    N("voicemail", "keep_days", keep_days, 0, 36500, 0),
    N("voicemail", "trash_days", trash_days, 0, 36500, 30),
    N("voicemail", "audit_days", audit_days, 0, 36500, 365),
    N("voicemail", "pin_history", pin_history, 0, 24, 5),
    N("voicemail", "pin_days", pin_days, 0, 3650, 0),
    B("conference", "loudness", room_loudness, true),
    B("conference", "denoise", room_denoise, false),
    T("prompts", "sounds", sounds_dir, SOUNDS_DIR, folder_fault),
    T("prompts", "voices", voices_dir, VOICES_DIR, folder_fault),
    T("prompts", "language", language, "en", language_fault),
    L("prompts", "languages", NULL, language_fault),
    T("conference", "record", room_record, "off", record_fault),
    T("conference", "record_format", room_record_format, "flac", record_format_fault),
    T("conference", "recordings", recordings_dir, "/var/lib/confab/recordings", folder_fault),
    N("conference", "pin_tries", pin_tries, 1, 100, 3),
    N("conference", "pin_caller_tries", pin_caller_tries, 1, 1000, 6),
    N("conference", "pin_address_tries", pin_address_tries, 1, 100000, 20),
    N("conference", "pin_room_tries", pin_room_tries, 1, 100000, 20),
    N("conference", "pin_lock", pin_lock_minutes, 1, 1440, 15),
    N("conference", "kick_ban", kick_ban_minutes, 0, 10080, 0),
    N("limits", "calls", max_calls, 1, 1000000, 3000),
    N("limits", "calls_a_second", max_calls_a_second, 1, 100000, 200),
    N("limits", "rooms", max_rooms, 1, 100000, 500),
    N("limits", "room_members", max_room_members, 2, 100000, 2000),
    T("http", "address", http_address, "127.0.0.1", address_fault),
    N("http", "port", http_port, 0, 65535, 8080),
    T("http", "web", http_web, WEB_DIR, folder_fault),
    T("http", "certificate", http_certificate, NULL, folder_fault),
    T("http", "key", http_key, NULL, folder_fault),
    T("http", "token_file", http_token_file, NULL, folder_fault),
    L("http", "cors", NULL, origin_fault),
    L("http", "host", NULL, host_fault),
    N("http", "requests_per_minute", http_requests, 0, 1000000, 600),
    T("webhook", "secret", webhook_secret, "", NULL),
    N("webhook", "deadline", webhook_deadline_ms, 100, 60000, 4000),
    T("webhook", "url", webhook_url, NULL, web_fault),
    T("webhook", "events", webhook_events, "message-new message-read message-deleted", events_fault),
    T("mail", "server", mail_server, NULL, smtp_fault),
    T("mail", "user", mail_user, "", NULL),
    T("mail", "password", mail_password, "", NULL),
    T("mail", "from", mail_from, "confab@localhost", mail_address_fault),
    T("mail", "tls", mail_tls, "required", tls_fault),
    T("mail", "ca", mail_ca, NULL, folder_fault),
    T("mail", "format", mail_format, "wav", mail_format_fault),
    T("transcription", "url", transcription_url, NULL, web_fault),
    N("transcription", "deadline", transcription_deadline_s, 1, 600, 60),
    N("records", "keep_days", records_keep_days, 0, 36500, 90),
    B("records", "trace", records_trace, true),
    N("records", "trace_keep_days", records_trace_keep_days, 0, 36500, 7),
    N("records", "journal_mb", records_journal_mb, 1, 100000, 256),
    {"log", "level", TEXT, 0, 0, 0, "info", level_fault, NOT_STORED},
    L("peer", "address", NULL, block_fault),
    {"peer", "uri", TEXT, 0, 0, 0, NULL, uri_fault, NOT_STORED},
    {"peer", "srtp", TEXT, 0, 0, 0, NULL, srtp_fault, NOT_STORED},
    {"peer", "user", TEXT, 0, 0, 0, "", NULL, NOT_STORED},
    {"peer", "password", TEXT, 0, 0, 0, "", NULL, NOT_STORED},
    {"peer", "realm", TEXT, 0, 0, 0, NULL, realm_fault, NOT_STORED},
    {"peer", "trusted", TRUTH, 0, 0, true, NULL, NULL, NOT_STORED},
    {"number", "application", TEXT, 0, 0, 0, NULL, filled_fault, NOT_STORED},
    {"number", "argument", TEXT, 0, 0, 0, "", NULL, NOT_STORED},
    L("root", "emergency", "{\"112\", \"911\"}", pattern_fault),
    {"link", "application", TEXT, 0, 0, 0, NULL, filled_fault, NOT_STORED},
    {"link", "argument", TEXT, 0, 0, 0, "", NULL, NOT_STORED},
    {"link", "service", TEXT, 0, 0, 0, "", NULL, NOT_STORED},
    {"link", "region", TEXT, 0, 0, 0, "terminating", region_fault, NOT_STORED},
    {"link", "order", NUMBER, 0, 100000, 1000, NULL, NULL, NOT_STORED},
    L("link", "callers", NULL, pattern_fault),
    L("link", "numbers", NULL, pattern_fault),
    {"link", "when", TEXT, 0, 0, 0, "", schedule_fault, NOT_STORED},
    {"link", "deadline", NUMBER, 0, 600000, LINK_DEADLINE_MS, NULL, NULL, NOT_STORED},
    {"link", "on_fail", TEXT, 0, 0, 0, "continue", on_fail_fault, NOT_STORED},
    {"link", "on_fail_late", TEXT, 0, 0, 0, "keep", on_fail_late_fault, NOT_STORED},
    {"link", "mandatory", TRUTH, 0, 0, false, NULL, NULL, NOT_STORED},
    {"link", "breaker_failures", NUMBER, 0, 1000, LINK_BREAKER_FAILURES, NULL, NULL, NOT_STORED},
    {"link", "breaker_pause", NUMBER, 1, 86400, LINK_BREAKER_S, NULL, NULL, NOT_STORED},
    {"link", "enabled", TRUTH, 0, 0, true, NULL, NULL, NOT_STORED},
    L("menu", "prompt", NULL, filled_fault),
    {"key", "act", TEXT, 0, 0, 0, NULL, filled_fault, NOT_STORED},
    {"key", "menu", TEXT, 0, 0, 0, NULL, filled_fault, NOT_STORED},
    {"key", "text", TEXT, 0, 0, 0, NULL, NULL, NOT_STORED},
    {"key", "value", NUMBER, -100000, 100000, 0, NULL, NULL, NOT_STORED},
    {"key", "direct", TRUTH, 0, 0, false, NULL, NULL, NOT_STORED},
    L("test", "fail", NULL, test_hook_fault),
    L("test", "hang", NULL, test_hook_fault),
};
static const char *const sections[] = {"sip",           "media",   "database", "voicemail", "conference",
                                       "prompts",       "limits",  "http",     "webhook",   "mail",
                                       "transcription", "records", "log",      "test",      "peer",
                                       "number",        "link",    "menu",     "keymap"};
#define FIRST_TITLED 14 /* sections from here on have a title and come as often as one likes */
#define TITLED (CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)

static const struct key *key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/* libconfuse: one value of a TEXT or LIST key was read. A fault is told, and the parser goes on with the
 * value. */
static int text_read(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    const struct key *key = key_find(cfg->name, opt->name);
    const char *fault = key->fault != NULL ? key->fault(value) : NULL;
    if (fault != NULL) {
        settings_complain(cfg->line, "%s: \"%s\" %s", key->name, value, fault);
    }
    *(const char **)result = value;
    return 0;
}

/* As text_read(), for a NUMBER key. */
static int number_read(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    const struct key *key = key_find(cfg->name, opt->name);
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (end == value || *end != '\0' || errno != 0 || number < key->low || number > key->high) {
        settings_complain(cfg->line, "%s: \"%s\" is no number from %ld to %ld", key->name, value, key->low,
                          key->high);
        number = key->number;
    }
    *(long *)result = number;
    return 0;
}

/* As text_read(), for a TRUTH key. */
static int truth_read(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    const struct key *key = key_find(cfg->name, opt->name);
    int truth = cfg_parse_boolean(value);
    if (truth < 0) {
        settings_complain(cfg->line, "%s: \"%s\" is neither true nor false", key->name, value);
        truth = (int)key->number;
    }
    *(cfg_bool_t *)result = truth ? cfg_true : cfg_false;
    return 0;
}

/* Writes the options of `section` to `out`, which has room for them all; libconfuse copies them. Returns
 * their count. */
static size_t options_of(const char *section, cfg_opt_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT(keys); i++) {
        const struct key *k = &keys[i];
        if (strcmp(k->section, section) != 0) {
            continue;
        }
        switch (k->kind) {
        case NUMBER:
            out[count++] = (cfg_opt_t)CFG_INT_CB(k->name, k->number, CFGF_NONE, number_read);
            break;
        case TRUTH:
            out[count++] =
                (cfg_opt_t)CFG_BOOL_CB(k->name, k->number ? cfg_true : cfg_false, CFGF_NONE, truth_read);
            break;
        case TEXT:
            out[count++] = (cfg_opt_t)CFG_STR_CB(k->name, k->text, CFGF_NONE, text_read);
            break;
        case LIST:
            out[count++] =
                (cfg_opt_t)CFG_STR_LIST_CB(k->name, (char *)(uintptr_t)k->text, CFGF_NONE, text_read);
            break;
        }
    }
    return count;
}

cfg_t *keys_parser(void)
{
    const cfg_opt_t end = CFG_END();
    cfg_opt_t key[COUNT(keys) + 1], menu[COUNT(keys) + 1], inner[COUNT(sections)][COUNT(keys) + 1],
        outer[COUNT(keys) + COUNT(sections) + 1];
    size_t count = options_of("root", outer), menu_count = options_of("menu", menu);

    key[options_of("key", key)] = end;
    menu[menu_count++] = (cfg_opt_t)CFG_SEC("key", key, TITLED);
    menu[menu_count] = end;
    for (size_t i = 0; i < COUNT(sections); i++) {
        size_t inside = options_of(sections[i], inner[i]);
        if (strcmp(sections[i], "menu") == 0) { /* these two alone have sections of their own */
            inner[i][inside++] = (cfg_opt_t)CFG_SEC("key", key, TITLED);
        } else if (strcmp(sections[i], "keymap") == 0) {
            inner[i][inside++] = (cfg_opt_t)CFG_SEC("menu", menu, TITLED);
        }
        inner[i][inside] = end;
        outer[count++] = (cfg_opt_t)CFG_SEC(sections[i], inner[i], i >= FIRST_TITLED ? TITLED : CFGF_NONE);
    }
    outer[count] = end;
    return cfg_init(outer, CFGF_NONE);
}

void keys_fill(struct settings *s, cfg_t *cfg)
{
    for (size_t i = 0; i < COUNT(keys); i++) {
        const struct key *k = &keys[i];
        if (k->kind == LIST || k->offset == NOT_STORED) {
            continue;
        }
        cfg_t *section = strcmp(k->section, "root") == 0 ? cfg : cfg_getsec(cfg, k->section);
        void *field = (char *)s + k->offset;
        if (k->kind == NUMBER) {
            *(unsigned *)field = (unsigned)cfg_getint(section, k->name);
        } else if (k->kind == TRUTH) {
            *(bool *)field = cfg_getbool(section, k->name);
        } else {
            *(char **)field = cfg_getstr(section, k->name);
        }
    }
    s->log_level = log_level_from_name(cfg_getstr(cfg_getsec(cfg, "log"), "level"));
    cfg_t *sip = cfg_getsec(cfg, "sip"), *media = cfg_getsec(cfg, "media");
    s->srtp = (enum srtp_policy)srtp_policy_from_name(cfg_getstr(media, "srtp"));
    for (unsigned i = 0; i < cfg_size(sip, "listen") && i < SETTINGS_LISTEN_MAX; i++) {
        s->listen[s->listen_count++] = cfg_getnstr(sip, "listen", i);
    }
    for (unsigned i = 0; i < cfg_size(media, "codecs") && i < CODEC_COUNT; i++) {
        s->codecs[s->codec_count++] = (enum codec)codec_from_name(cfg_getnstr(media, "codecs", i));
    }
}
