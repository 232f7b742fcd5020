/*
 * core/base/settings: each kind of fault is told with its line; the number plan and the peers match as
 * documented.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/settings.h"

static char file[] = "/tmp/confab-test-settings-XXXXXX";
static char complaints[8192];

static void note(const char *line, void *arg)
{
    (void)arg;
    strncat(complaints, line, sizeof complaints - strlen(complaints) - 2);
    strcat(complaints, "\n");
}

static int load(const struct settings **out, const char *text)
{
    complaints[0] = '\0';
    FILE *f = fopen(file, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    return settings_load(out, file, note, NULL);
}

static const struct settings *load_good(const char *text)
{
    const struct settings *s = NULL;
    int error = load(&s, text);
    ck_assert_msg(error == 0, "%s", complaints);
    ck_assert_str_eq(complaints, "");
    return s;
}

START_TEST(empty_file_gives_the_defaults)
{
    const struct settings *s = load_good("");
    ck_assert_str_eq(s->realm, "confab");
    ck_assert_uint_eq(s->listen_count, 1);
    ck_assert_str_eq(s->listen[0], "127.0.0.1:5060");
    ck_assert_uint_eq(s->registration_min_s, 60);
    ck_assert_uint_eq(s->session_expires_s, 1800);
    ck_assert_uint_eq(s->ring_s, 20);
    ck_assert(!s->hold_music);
    ck_assert_str_eq(s->dialog_info, "group");
    ck_assert_ptr_null(s->media_address4);
    ck_assert_str_eq(s->media_io, "auto");
    ck_assert_uint_eq(s->wide_room, 128);
    ck_assert_int_eq(s->srtp, SRTP_OPTIONAL);
    ck_assert_uint_eq(s->rtp_port_low, 20000);
    ck_assert_uint_eq(s->codec_count, CODEC_COUNT);
    ck_assert_int_eq(s->codecs[0], CODEC_OPUS);
    ck_assert(s->room_loudness && !s->room_denoise);
    ck_assert_int_eq(s->log_level, LEVEL_INFO);
    ck_assert_uint_eq(s->peer_count + s->number_count, 0);
    settings_free(s);
}
END_TEST

START_TEST(every_key_reaches_its_field)
{
    const struct settings *s = load_good(
        "realm = \"example.org\"\n"
        "sip { listen = {\"192.0.2.1:5060\", \"[2001:db8::1]:5070\"} registration_min = 30 "
        "registration_max = 600\n"
        "      registration_default = 300 session_expires = 900 session_min_se = 120 ring = 33 }\n"
        "media { address4 = \"203.0.113.1\" address6 = \"2001:db8::2\" rtp_port_low = 4000 "
        "rtp_port_high = 4999\n"
        "        workers = 3 wide_room = 40 io = \"plain\" srtp = \"off\" rtp_timeout = 0 codecs = "
        "{\"PCMA\", \"g722\"} }\n"
        "database { connection = \"dbname=x\" connections = 5 migrations = \"/m\" }\n"
        "voicemail { spool = \"/s\" cache = \"/c\" message_max = 60 message_min_ms = 500 "
        "message_silence = 4 }\n"
        "conference { loudness = false denoise = true record = \"tracks\" record_format = \"opus\""
        " recordings = \"/r\" }\n"
        "prompts { sounds = \"/so\" voices = \"/vo\" language = \"fr\" languages = {\"it\", \"ru\"} }\n"
        "limits { calls = 11 calls_a_second = 12 rooms = 13 room_members = 14 }\n"
        "http { address = \"::1\" port = 8081 certificate = \"/c.pem\" key = \"/k.pem\" "
        "cors = {\"https://a.example\", \"http://b:81\"} host = {\"c.example\"} requests_per_minute = 7 }\n"
        "log { level = \"debug\" }\n"
        "peer \"pbx\" { address = {\"127.0.0.2\"} uri = \"sip:pbx.example:5060;transport=udp\" }\n"
        "peer \"trunk\" { address = {\"127.0.0.3\"} srtp = \"required\" trusted = no user = \"u\" password = "
        "\"p:\\\"w\" }\n"
        "number \"9XX\" { application = \"peer\" argument = \"pbx\" }\n");
    ck_assert_str_eq(s->realm, "example.org");
    ck_assert_uint_eq(s->listen_count, 2);
    ck_assert_str_eq(s->listen[1], "[2001:db8::1]:5070");
    ck_assert_uint_eq(s->registration_min_s, 30);
    ck_assert_uint_eq(s->registration_max_s, 600);
    ck_assert_uint_eq(s->registration_default_s, 300);
    ck_assert_uint_eq(s->session_expires_s, 900);
    ck_assert_uint_eq(s->session_min_se_s, 120);
    ck_assert_uint_eq(s->ring_s, 33);
    ck_assert_str_eq(s->media_address4, "203.0.113.1");
    ck_assert_str_eq(s->media_address6, "2001:db8::2");
    ck_assert_uint_eq(s->rtp_port_low, 4000);
    ck_assert_uint_eq(s->rtp_port_high, 4999);
    ck_assert_uint_eq(s->media_workers, 3);
    ck_assert_str_eq(s->media_io, "plain");
    ck_assert_uint_eq(s->wide_room, 40);
    ck_assert_uint_eq(s->rtp_timeout_s, 0);
    ck_assert_uint_eq(s->codec_count, 2);
    ck_assert_int_eq(s->codecs[1], CODEC_G722);
    ck_assert_str_eq(s->database, "dbname=x");
    ck_assert_uint_eq(s->database_connections, 5);
    ck_assert_str_eq(s->sql_dir, "/m");
    ck_assert_str_eq(s->spool_dir, "/s");
    ck_assert_str_eq(s->cache_dir, "/c");
    ck_assert_uint_eq(s->message_max_s, 60);
    ck_assert_uint_eq(s->message_min_ms, 500);
    ck_assert_uint_eq(s->message_silence_s, 4);
    ck_assert(!s->room_loudness && s->room_denoise);
    ck_assert_str_eq(s->sounds_dir, "/so");
    ck_assert_str_eq(s->voices_dir, "/vo");
    ck_assert_str_eq(s->language, "fr");
    ck_assert_uint_eq(s->language_count, 2);
    ck_assert_str_eq(s->languages[1], "ru");
    ck_assert_uint_eq(s->max_calls, 11);
    ck_assert_uint_eq(s->max_calls_a_second, 12);
    ck_assert_uint_eq(s->max_rooms, 13);
    ck_assert_uint_eq(s->max_room_members, 14);
    ck_assert_str_eq(s->room_record, "tracks");
    ck_assert_str_eq(s->room_record_format, "opus");
    ck_assert_str_eq(s->recordings_dir, "/r");
    ck_assert_str_eq(s->http_address, "::1");
    ck_assert_uint_eq(s->http_port, 8081);
    ck_assert_str_eq(s->http_certificate, "/c.pem");
    ck_assert_str_eq(s->http_key, "/k.pem");
    ck_assert_uint_eq(s->http_cors_count, 2);
    ck_assert_str_eq(s->http_cors[1], "http://b:81");
    ck_assert_uint_eq(s->http_host_count, 1);
    ck_assert_str_eq(s->http_hosts[0], "c.example");
    ck_assert_uint_eq(s->http_requests, 7);
    ck_assert_int_eq(s->log_level, LEVEL_DEBUG);
    ck_assert_uint_eq(s->peer_count, 2);
    ck_assert(settings_trusts(s, "pbx"));
    ck_assert(!settings_trusts(s, "trunk"));
    ck_assert(!settings_trusts(s, "nobody"));
    ck_assert(!settings_trusts(s, NULL));
    ck_assert_str_eq(s->peers[0].uri, "sip:pbx.example:5060;transport=udp");
    ck_assert_str_eq(s->peers[0].user, "");
    ck_assert_str_eq(s->peers[0].password, "");
    ck_assert_str_eq(s->peers[1].user, "u");
    ck_assert_str_eq(s->peers[1].password, "p:\"w");
    ck_assert_ptr_null(s->peers[1].realm);
    ck_assert_int_eq(s->srtp, SRTP_OFF);
    ck_assert_int_eq(settings_srtp(s, "pbx"), SRTP_OFF); /* as all */
    ck_assert_int_eq(settings_srtp(s, "trunk"), SRTP_REQUIRED);
    ck_assert_int_eq(settings_srtp(s, ""), SRTP_OFF);
    ck_assert_uint_eq(s->number_count, 1);
    ck_assert_str_eq(s->numbers[0].argument, "pbx");
    settings_free(s);
}
END_TEST

/* One fault each, and the line and words by which it is told. */
static const struct fault {
    const char *text;
    int line;
    const char *words;
} faults[] = {
    {"realm = \"a\\\"b\"\n", 1, "realm: "},
    {"\nrealm = \"\"\n", 2, "is empty"},
    {"sip {\n listen = {\"127.0.0.1:5060\",\n \"127.0.0.1\"}\n}\n", 3,
     "listen: \"127.0.0.1\" is not ADDRESS:PORT"},
    {"sip { listen = {\"127.0.0.1:0\"} }\n", 1, "no port"},
    {"sip { listen = {\"127.0.0.1:65536\"} }\n", 1, "no port"},
    {"sip { listen = {\"127.0.0.1:50x\"} }\n", 1, "no port"},
    {"sip { listen = {\"[::1:5060\"} }\n", 1, "is not ADDRESS:PORT"},
    {"sip { listen = {\"[::g]:5060\"} }\n", 1, "is no IP address"},
    {"sip { listen = {\"pbx.example:5060\"} }\n", 1, "is no IP address"},
    {"\nsip {\n listen = {}\n}\n", 2, "listen: needs one to 8"},
    {"sip {\n\n ring = 0\n}\n", 3, "ring: \"0\" is no number from 1 to 600"},
    {"sip {\n ring = abc\n}\n", 2, "ring: \"abc\""},
    {"sip {\n ring = 99999999999999999999\n}\n", 2, "ring: "},
    {"sip {\n session_expires = 80\n}\n", 2, "session_expires"},
    {"\nsip {\n registration_min = 600\n registration_default = 300\n}\n", 2, "registration_default: 300"},
    {"sip {\n session_expires = 90\n session_min_se = 91\n}\n", 1, "session_min_se: 91"},
    {"media {\n address4 = \"::1\"\n}\n", 2, "is no IPv4 address"},
    {"media {\n address6 = \"127.0.0.1\"\n}\n", 2, "is no IPv6 address"},
    {"sip {\n dialog_info = \"some\"\n}\n", 2, "is none of all, group, off"},
    {"voicemail {\n diverted_to = \"both\"\n}\n", 2, "is none of first, last"},
    {"media {\n io = \"epoll\"\n}\n", 2, "is none of auto, uring, plain"},
    {"media {\n srtp = \"yes\"\n}\n", 2, "srtp: \"yes\" is none of off, optional, required"},
    {"peer \"p\" {\n address = {\"::1\"}\n srtp = \"\"\n}\n", 3, "is none of off, optional, required"},
    {"media {\n rtp_port_low = 80\n}\n", 2, "rtp_port_low: \"80\""},
    {"media {\n rtp_port_low = 4001\n rtp_port_high = 4002\n}\n", 1, "no pair"},
    {"media {\n codecs = {\"PCMU\",\n\"speex\"}\n}\n", 3, "\"speex\" is no codec"},
    {"media {\n codecs = {\"PCMU\", \"pcmu\"}\n}\n", 1, "comes twice"},
    {"media {\n codecs = {}\n}\n", 1, "at least one"},
    {"mail {\n server = \"mail.example\"\n}\n", 2, "is no mail server"},
    {"mail {\n from = \"nobody\"\n}\n", 2, "is no address"},
    {"mail {\n tls = \"yes\"\n}\n", 2, "is none of off, optional, required"},
    {"mail {\n ca = \"ca.pem\"\n}\n", 2, "is not an absolute path"},
    {"mail {\n format = \"mp3\"\n}\n", 2, "is none of wav, opus"},
    {"webhook {\n url = \"ftp://x/\"\n}\n", 2, "is neither http:// nor https://"},
    {"webhook {\n events = \"message-new  message-lost\"\n}\n", 2, "names an event that there is not"},
    {"transcription {\n deadline = 0\n}\n", 2, "deadline: \"0\""},
    {"database {\n connection = \"\"\n}\n", 2, "connection: "},
    {"voicemail {\n spool = \"spool\"\n}\n", 2, "is not an absolute path"},
    {"conference {\n\n loudness = loud\n}\n", 3, "loudness: \"loud\" is neither true nor false"},
    {"prompts {\n language = \"English\"\n}\n", 2, "is no language"},
    {"prompts {\n languages = {\"fr\", \"fr_CA\"}\n}\n", 2, "is no language"},
    {"conference {\n record = \"yes\"\n}\n", 2, "is none of off, mix, tracks"},
    {"conference {\n record_format = \"mp3\"\n}\n", 2, "is none of wav, flac, opus"},
    {"conference {\n recordings = \"here\"\n}\n", 2, "is not an absolute path"},
    {"limits {\n calls = -1\n}\n", 2, "calls: \"-1\""},
    {"http {\n address = \"localhost\"\n}\n", 2, "is no IP address"},
    {"http {\n port = 70000\n}\n", 2, "port: \"70000\""},
    {"http {\n certificate = \"here.pem\"\n}\n", 2, "is not an absolute path"},
    {"\nhttp {\n key = \"/k.pem\"\n}\n", 2, "certificate and key go together"},
    {"http {\n cors = {\"https://a.example/\"}\n}\n", 2, "is no origin"},
    {"http {\n host = {\"c.example:80\"}\n}\n", 2, "is no name of a host"},
    {"http {\n cors = {\"*\"}\n}\n", 2, "is neither http:// nor https://"},
    {"log {\n level = \"loud\"\n}\n", 2, "is no level"},
    {"\npeer \"a\" {\n}\n", 2, "peer \"a\": has no address"},
    {"peer \"\" { address = {\"::1\"} }\n", 1, "has no name"},
    {"\npeer \"a\" {\n address = {\"::1\"}\n user = \"u\"\n}\n", 2, "has a user and no password"},
    {"\npeer \"a\" {\n address = {\"::1\"}\n password = \"p\"\n}\n", 2, "has a password and no user"},
    {"\npeer \"a\" {\n address = {\"::1\"}\n realm = \"r\"\n}\n", 2, "has a realm and no user"},
    {"peer \"a\" {\n address = {\"::1\"}\n user = \"a\\\"b\"\n}\n", 1, "neither quotes"},
    {"peer \"a\" {\n address = {\"::1\"}\n user = \"u\"\n password = \"\"\n}\n", 1,
     "has a user and no password"},
    {"peer \"a\" {\n address = {\"10.0.0.0/33\"}\n}\n", 2, "prefix length"},
    {"peer \"a\" {\n address = {\"10.0.0.0/\"}\n}\n", 2, "prefix length"},
    {"peer \"a\" {\n address = {\"pbx.example\"}\n}\n", 2, "is no IP address"},
    {"peer \"a\" {\n address = {\"::1\"}\n uri = \"pbx\"\n}\n", 3, "is no SIP URI"},
    {"number \"1-\" {\n application = \"echo\"\n}\n", 1, "'-'"},
    {"\nnumber \"20-10\" {\n application = \"echo\"\n}\n", 2, "begins above its end"},
    {"number \"1.2\" {\n application = \"echo\"\n}\n", 1, "'.'"},
    {"number \"1 2\" {\n application = \"echo\"\n}\n", 1, "may hold"},
    {"number \"\" {\n application = \"echo\"\n}\n", 1, "is empty"},
    {"\n\nnumber \"12\" {\n}\n", 3, "has no application"},
    {"number \"12\" {\n application = \"peer\"\n argument = \"x\"\n}\n", 1, "\"x\" is no peer"},
    {"number \"1\" { application = \"a\" }\nnumber \"1\" { application = \"b\" }\n", 2, "duplicate"},
    {"emergency = {\"112\",\n \"9-1\"}\n", 2, "begins above"},
    {"\nlink \"x\" {\n}\n", 2, "link \"x\": has no application, and none"},
    {"link \"\" { application = \"echo\" }\n", 1, "has no name"},
    {"link \"dnd\" {\n region = \"callee\"\n}\n", 2, "is none of neutral, originating, terminating, egress"},
    {"link \"dnd\" {\n order = -1\n}\n", 2, "order: \"-1\""},
    {"link \"dnd\" {\n when = \"monday\"\n}\n", 2, "day"},
    {"link \"dnd\" {\n callers = {\"1..\"}\n}\n", 2, "'.'"},
    {"link \"dnd\" {\n numbers = {\"\"}\n}\n", 2, "is empty"},
    {"link \"dnd\" {\n on_fail = \"reject 302\"\n}\n", 2, "on_fail: \"reject 302\" is none of"},
    {"link \"dnd\" {\n on_fail = \"reject\"\n}\n", 2, "is none of"},
    {"link \"dnd\" {\n on_fail = \"fallback \"\n}\n", 2, "is none of"},
    {"link \"dnd\" {\n on_fail_late = \"stay\"\n}\n", 2, "is none of keep, end"},
    {"link \"dnd\" {\n deadline = 600001\n}\n", 2, "deadline: "},
    {"link \"dnd\" {\n breaker_pause = 0\n}\n", 2, "breaker_pause: "},
    {"link \"dnd\" {\n mandatory = maybe\n}\n", 2, "neither true nor false"},
    {"link \"a\" { application = \"b\" }\nlink \"a\" { application = \"b\" }\n", 2, "duplicate"},
    {"menu \"a\" {\n key \"1\" {\n act = \"x\"\n}\n}\n", 1, "menu \"a\": has no prompt"},
    {"\nmenu \"a\" {\n prompt = {\"p\"}\n}\n", 2, "has no key"},
    {"menu \"a\" {\n prompt = {\"\"} key \"1\" { act = \"x\" }\n}\n", 2, "is empty"},
    {"menu \"a\" {\n prompt = {\"p\"}\n key \"10\" { act = \"x\" }\n}\n", 3, "is no key"},
    {"menu \"a\" {\n prompt = {\"p\"}\n key \"1\" { }\n}\n", 3, "needs an act or a menu"},
    {"menu \"a\" {\n prompt = {\"p\"}\n key \"1\" { act = \"x\" menu = \"host\" }\n}\n", 3, "not both"},
    {"menu \"a\" {\n prompt = {\"p\"}\n key \"*\" { act = \"x\" direct = true }\n}\n", 3, "direct"},
    {"menu \"a\" {\n prompt = {\"p\"}\n key \"1\" { act = \"x\" }\n key \"1\" { act = \"y\" }\n}\n", 4,
     "duplicate"},
    {"menu \"a\" {\n prompt = {\"p\"}\n key \"1\" { menu = \"b\" }\n}\n", 3, "there is no menu \"b\""},
    {"menu \"a\" {\n prompt = {\"p\"}\n key \"1\" { menu = \"b\" }\n}\n"
     "menu \"b\" {\n prompt = {\"p\"}\n key \"1\" { menu = \"a\" }\n}\n",
     1, "no key leads to it"},
    {"test {\n fail = {\"dnd\"}\n}\n", 2, "is not LINK/EVENT"},
    {"test {\n hang = {\"dnd/born\"}\n}\n", 2, "is not LINK/EVENT"},
    {"\n\nrelm = \"x\"\n", 3, "relm"},
    {"sip {\n lisen = {}\n}\n", 2, "lisen"},
    {"\nrealm = \n", 3, "end of file"},
};

START_TEST(fault_is_told_with_file_and_line)
{
    const struct fault *f = &faults[_i];
    const struct settings *s = NULL;
    char head[64];
    ck_assert_int_eq(load(&s, f->text), EINVAL);
    ck_assert_ptr_null(s);
    snprintf(head, sizeof head, "%s:%d: ", file, f->line);
    ck_assert_msg(strncmp(complaints, head, strlen(head)) == 0, "line %d expected: %s", f->line, complaints);
    ck_assert_msg(strstr(complaints, f->words) != NULL, "\"%s\" expected: %s", f->words, complaints);
    ck_assert_ptr_eq(strchr(complaints, '\n'), complaints + strlen(complaints) - 1); /* once */
}
END_TEST

START_TEST(all_faults_of_a_file_are_told_at_once)
{
    const struct settings *s = NULL;
    ck_assert_int_eq(
        load(&s, "realm = \"\"\nsip {\n ring = x\n listen = {\"a\"}\n}\nlog { level = \"b\" }\n"), EINVAL);
    unsigned lines = 0;
    for (const char *p = complaints; (p = strchr(p, '\n')) != NULL; p++) {
        lines++;
    }
    ck_assert_uint_eq(lines, 4);
}
END_TEST

START_TEST(file_that_cannot_be_read_is_told)
{
    const struct settings *s = NULL;
    complaints[0] = '\0';
    ck_assert_int_eq(settings_load(&s, "/nonexistent/confab.conf", note, NULL), ENOENT);
    ck_assert_ptr_nonnull(strstr(complaints, "/nonexistent/confab.conf"));
    ck_assert_int_eq(settings_load(&s, "/tmp", note, NULL), EISDIR);
    ck_assert_ptr_null(s);
}
END_TEST

static const struct match {
    const char *pattern, *number;
    bool matches;
} matches[] = {
    {"3000-3899", "3000", true},
    {"3000-3899", "3899", true},
    {"3000-3899", "3456", true},
    {"3000-3899", "3900", false},
    {"3000-3899", "2999", false},
    {"3000-3899", "300", false},
    {"3000-3899", "30000", false},
    {"3000-3899", "3a00", false},
    {"*97", "*97", true},
    {"*97", "*971", false},
    {"*97", "*9", false},
    {"*99.", "*991002", true},
    {"*99.", "*991", true},
    {"*99.", "*99", false},
    {"1XX", "123", true},
    {"1XX", "1a3", false},
    {"1XX", "12", false},
    {"conf=.", "conf=sales", true},
    {"conf=.", "conf=", false},
    {"annc", "annc", true},
    {"annc", "Annc", false},
    {".", "anything", true},
    {".", "", false},
    {"+49.", "+4930", true},
    {"#", "#", true},
    {"001-010", "005", true},
    {"001-010", "011", false},
};

START_TEST(pattern_matches_as_documented)
{
    char text[128];
    const struct match *m = &matches[_i];
    snprintf(text, sizeof text, "number \"%s\" { application = \"echo\" }\n", m->pattern);
    const struct settings *s = load_good(text);
    ck_assert_msg((settings_number(s, m->number) != NULL) == m->matches, "%s, %s", m->pattern, m->number);
    settings_free(s);
}
END_TEST

START_TEST(first_row_that_matches_wins)
{
    const struct settings *s = load_good("number \"3900\" { application = \"first\" argument = \"x\" }\n"
                                         "number \"3.\" { application = \"second\" }\n");
    ck_assert_str_eq(settings_number(s, "3900")->application, "first");
    ck_assert_str_eq(settings_number(s, "3901")->application, "second");
    ck_assert_str_eq(settings_number(s, "3901")->argument, "");
    ck_assert_int_eq(settings_number(s, "3901")->line, 2);
    settings_free(s);
}
END_TEST

/* -- links of the service path ------------------------------------------------------------------------- */

static const struct link_settings *link_named(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->link_count; i++) {
        if (strcmp(s->links[i].name, name) == 0) {
            return &s->links[i];
        }
    }
    return NULL;
}

/* The names in the order of the path. */
static const char *link_names(const struct settings *s)
{
    static char names[512];
    names[0] = '\0';
    for (size_t i = 0; i < s->link_count; i++) {
        strcat(strcat(names, " "), s->links[i].name);
    }
    return names;
}

START_TEST(links_are_built_in)
{
    const struct settings *s = load_good("");
    ck_assert_str_eq(link_names(s),
                     " outgoing screening callers voicemail dnd forward findme announcement tap");
    const struct link_settings *link = link_named(s, "voicemail");
    ck_assert_str_eq(link->application, "voicemail");
    ck_assert_str_eq(link->service, SERVICE_MAILBOX);
    ck_assert_int_eq(link->region, REGION_TERMINATING);
    ck_assert_int_eq(link->on_fail, FAIL_CONTINUE);
    ck_assert_uint_eq(link->deadline_ms, 5000);
    ck_assert(!link->end_late && !link->mandatory);
    ck_assert_int_eq(link->line, 0);
    ck_assert(settings_is_emergency(s, "112") && settings_is_emergency(s, "911"));
    ck_assert(!settings_is_emergency(s, "1120"));
    settings_free(s);
}
END_TEST

START_TEST(section_changes_single_keys_of_a_built_in_link)
{
    const struct settings *s = load_good("link \"dnd\" { order = 120 on_fail = \"reject 503\" }\n"
                                         "link \"tap\" { enabled = false }\n"
                                         "link \"forward\" { application = \"http://127.0.0.1/f\" }\n");
    ck_assert_str_eq(link_names(s), " outgoing screening callers dnd voicemail forward findme announcement");
    const struct link_settings *link = link_named(s, "dnd");
    ck_assert_str_eq(link->application, "dnd");
    ck_assert_str_eq(link->service, "dnd");
    ck_assert_int_eq(link->on_fail, FAIL_REJECT);
    ck_assert_int_eq(link->fail_status, 503);
    ck_assert_int_eq(link->line, 1);
    ck_assert_str_eq(link_named(s, "forward")->application, "http://127.0.0.1/f");
    ck_assert_ptr_nonnull(strstr(link_named(s, "forward")->service, "forward-busy"));
    settings_free(s);
}
END_TEST

START_TEST(every_key_of_a_link_reaches_its_field)
{
    const struct settings *s =
        load_good("emergency = {\"99.\"}\n"
                  "link \"crm\" { application = \"echo\" argument = \"a b\" service = \"crm\" region = "
                  "\"egress\" order = 7\n"
                  "  callers = {\"10XX\", \"1100-1199\"} numbers = {\"0.\"} when = \"mon-fri 08:00-18:00\" "
                  "deadline = 250\n"
                  "  on_fail = \"fallback announcement busy tone\" on_fail_late = \"end\" mandatory = true\n"
                  "  breaker_failures = 2 breaker_pause = 9 }\n"
                  "link \"first\" { application = \"echo\" region = \"neutral\" }\n"
                  "link \"second\" { application = \"echo\" region = \"neutral\" }\n"
                  "test { fail = {\"crm/invited\"} hang = {\"crm/failed\", \"dnd/heard\"} }\n");
    const struct link_settings *link = link_named(s, "crm");
    ck_assert_str_eq(
        link_names(s),
        " first second outgoing screening callers voicemail dnd forward findme announcement tap crm");
    ck_assert_str_eq(link->application, "echo");
    ck_assert_str_eq(link->argument, "a b");
    ck_assert_str_eq(link->service, "crm");
    ck_assert_int_eq(link->region, REGION_EGRESS);
    ck_assert_int_eq(link->order, 7);
    ck_assert_uint_eq(link->caller_count, 2);
    ck_assert(settings_any_pattern(link->callers, link->caller_count, "1150"));
    ck_assert(!settings_any_pattern(link->callers, link->caller_count, "1200"));
    ck_assert_uint_eq(link->number_count, 1);
    ck_assert(settings_any_pattern(NULL, 0, "1")); /* no pattern: all */
    ck_assert_str_eq(link->when, "mon-fri 08:00-18:00");
    ck_assert_uint_eq(link->deadline_ms, 250);
    ck_assert_int_eq(link->on_fail, FAIL_FALLBACK);
    ck_assert_str_eq(link->fallback, "announcement");
    ck_assert_str_eq(link->fallback_argument, "busy tone");
    ck_assert(link->end_late && link->mandatory);
    ck_assert_uint_eq(link->breaker_failures, 2);
    ck_assert_uint_eq(link->breaker_s, 9);
    ck_assert(settings_is_emergency(s, "991") && !settings_is_emergency(s, "112"));
    ck_assert_uint_eq(s->test_fail_count, 1);
    ck_assert_str_eq(s->test_hang[1], "dnd/heard");
    settings_free(s);
}
END_TEST

static const char *peer_at(const struct settings *s, const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const struct peer_settings *peer;
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        peer = settings_peer(s, (struct sockaddr *)&v4);
    } else {
        ck_assert_int_eq(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
        peer = settings_peer(s, (struct sockaddr *)&v6);
    }
    return peer != NULL ? peer->name : "nobody";
}

/* -- menus
 * ---------------------------------------------------------------------------------------------------- */

START_TEST(menus_are_built_in_and_replaced_whole)
{
    const struct settings *s = load_good(
        "menu \"member\" {\n prompt = {\"a\", \"/b.wav\"}\n"
        " key \"1\" { act = \"talk-gain\" value = -6 direct = true }\n key \"#\" { menu = \"c\" }\n}\n"
        "menu \"c\" {\n prompt = {\"d\"}\n key \"0\" { act = \"invite\" text = \"1001\" }\n}\n");
    const struct menu_settings *menu = settings_menu(s, "member");

    ck_assert_uint_eq(menu->line, 1);
    ck_assert_uint_eq(menu->prompt_count, 2);
    ck_assert_str_eq(menu->prompts[1], "/b.wav");
    ck_assert_uint_eq(menu->key_count, 2);
    ck_assert(menu->keys[0].key == '1' && menu->keys[0].value == -6 && menu->keys[0].direct);
    ck_assert_str_eq(menu->keys[0].act, "talk-gain");
    ck_assert_str_eq(menu->keys[1].menu, "c");
    ck_assert_int_eq(menu->keys[1].line, 4);
    ck_assert_str_eq(settings_menu(s, "c")->keys[0].text, "1001");
    ck_assert_uint_eq(settings_menu(s, "host")->line, 0);
    ck_assert_ptr_nonnull(settings_menu(s, "people"));
    ck_assert_ptr_null(settings_menu(s, "x"));
    settings_free(s);
}
END_TEST

START_TEST(peer_is_known_by_its_address)
{
    const struct settings *s = load_good("peer \"one\" { address = {\"127.0.0.2\", \"10.1.0.0/16\"} }\n"
                                         "peer \"six\" { address = {\"2001:db8:4000::/34\", \"::1\"} }\n"
                                         "peer \"odd\" { address = {\"192.0.2.128/25\"} }\n");
    ck_assert_str_eq(peer_at(s, "127.0.0.2"), "one");
    ck_assert_str_eq(peer_at(s, "127.0.0.3"), "nobody");
    ck_assert_str_eq(peer_at(s, "10.1.255.255"), "one");
    ck_assert_str_eq(peer_at(s, "10.2.0.0"), "nobody");
    /* A dual-stack socket shows IPv4 as mapped (RFC 4291 §2.5.5.2). */
    ck_assert_str_eq(peer_at(s, "::ffff:10.1.2.3"), "one");
    ck_assert_str_eq(peer_at(s, "2001:db8:7fff::9"), "six");
    ck_assert_str_eq(peer_at(s, "2001:db8:8000::9"), "nobody");
    ck_assert_str_eq(peer_at(s, "::1"), "six");
    ck_assert_str_eq(peer_at(s, "192.0.2.127"), "nobody");
    ck_assert_str_eq(peer_at(s, "192.0.2.128"), "odd");
    ck_assert_ptr_nonnull(settings_peer_named(s, "six"));
    ck_assert_ptr_null(settings_peer_named(s, "seven"));
    struct sockaddr local = {.sa_family = AF_UNIX};
    ck_assert_ptr_null(settings_peer(s, &local));
    settings_free(s);
}
END_TEST

START_TEST(peer_with_prefix_zero_is_everybody_of_its_family)
{
    const struct settings *s = load_good("peer \"all\" { address = {\"0.0.0.0/0\"} }\n");
    ck_assert_str_eq(peer_at(s, "198.51.100.7"), "all");
    ck_assert_str_eq(peer_at(s, "2001:db8::1"), "nobody");
    settings_free(s);
}
END_TEST

START_TEST(value_lives_as_long_as_its_last_holder)
{
    const struct settings *s = load_good("realm = \"kept\"\n");
    const struct settings *call = settings_hold(s);
    settings_free(s);
    ck_assert_str_eq(call->realm, "kept"); /* the sanitizer run would tell */
    settings_free(call);
    settings_free(NULL);
}
END_TEST

int main(void)
{
    int fd = mkstemp(file);
    if (fd < 0) {
        return EXIT_FAILURE;
    }
    close(fd);
    Suite *suite = suite_create("settings");
    TCase *c = tcase_create("settings");
    tcase_add_test(c, empty_file_gives_the_defaults);
    tcase_add_test(c, every_key_reaches_its_field);
    tcase_add_loop_test(c, fault_is_told_with_file_and_line, 0, sizeof faults / sizeof *faults);
    tcase_add_test(c, all_faults_of_a_file_are_told_at_once);
    tcase_add_test(c, file_that_cannot_be_read_is_told);
    tcase_add_loop_test(c, pattern_matches_as_documented, 0, sizeof matches / sizeof *matches);
    tcase_add_test(c, first_row_that_matches_wins);
    tcase_add_test(c, links_are_built_in);
    tcase_add_test(c, section_changes_single_keys_of_a_built_in_link);
    tcase_add_test(c, every_key_of_a_link_reaches_its_field);
    tcase_add_test(c, menus_are_built_in_and_replaced_whole);
    tcase_add_test(c, peer_is_known_by_its_address);
    tcase_add_test(c, peer_with_prefix_zero_is_everybody_of_its_family);
    tcase_add_test(c, value_lives_as_long_as_its_last_holder);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    unlink(file);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
