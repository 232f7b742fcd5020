/* One transfer at a time, in the thread that asks; see core/base/web.c for those that must not wait. */
#define _GNU_SOURCE /* asprintf() */
#include "core/base/courier.h"

#include "core/base/clock.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/hmac.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 10000L
#define WORD_BYTES 42 /* of an encoded word: 56 characters of base64, below the 75 of RFC 2047 §2 */
#define HEADER_TEXT 2048

int courier_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : ENOMEM;
}

/* -- a transfer
 * --------------------------------------------------------------------------------------------------- */

static int transfer_watch(void *stops, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
    (void)down, (void)down_now, (void)up, (void)up_now;
    return atomic_load((const atomic_bool *)stops);
}

struct reply {
    char *text;
    size_t length;
};

static size_t reply_take(char *data, size_t size, size_t count, void *arg)
{
    struct reply *reply = arg;
    size_t bytes = size * count;

    if (reply->text == NULL) {
        return bytes;
    }
    if (bytes >= COURIER_REPLY_MAX - reply->length) {
        return 0; /* ends the transfer with a fault */
    }
    memcpy(reply->text + reply->length, data, bytes);
    reply->length += bytes;
    reply->text[reply->length] = '\0';
    return bytes;
}

/* What all transfers have in common. NULL: no memory. */
static CURL *transfer_new(const char *url, const char *protocols, const atomic_bool *stops, long deadline_ms)
{
    CURL *easy = curl_easy_init();
    int bad = 0;

    if (easy == NULL) {
        return NULL;
    }
    bad |= curl_easy_setopt(easy, CURLOPT_URL, url);
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* what the environment says is not the configuration */
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, deadline_ms);
    bad |= curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, transfer_watch);
    bad |= curl_easy_setopt(easy, CURLOPT_XFERINFODATA, (void *)(uintptr_t)stops);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, reply_take);
    if (bad != 0) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    return easy;
}

/* *status: the far side's last answer; 0: there was none. */
static CURLcode transfer_run(CURL *easy, char fault[COURIER_FAULT], long *status)
{
    char words[CURL_ERROR_SIZE] = "";
    CURLcode result;

    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, words);
    result = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    if (result != CURLE_OK) {
        snprintf(fault, COURIER_FAULT, "%.*s (%ld)", COURIER_FAULT - 24,
                 words[0] ? words : curl_easy_strerror(result), *status);
    }
    return result;
}

/* False when there is no memory; the list stays whole. */
__attribute__((format(printf, 2, 3))) static bool header_add(struct curl_slist **list, const char *format,
                                                             ...)
{
    char line[HEADER_TEXT];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof line) {
        return false;
    }
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer != NULL) {
        *list = longer;
    }
    return longer != NULL;
}

/* -- HTTP
 * ---------------------------------------------------------------------------------------------------------
 */

bool courier_sign(char *out, size_t size, const char *secret, const char *body)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned bytes = 0;
    char *text = NULL;
    long long seconds = (long long)clock_wall();
    int length = asprintf(&text, "%lld.%s", seconds, body);

    if (length < 0) {
        return false;
    }
    if (HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)text, (size_t)length, digest,
             &bytes) == NULL) {
        bytes = 0;
    }
    free(text);
    int used = snprintf(out, size, "X-Confab-Signature: t=%lld,v1=", seconds);
    if (bytes == 0 || (size_t)used + 2 * bytes >= size) {
        return false;
    }
    for (unsigned i = 0; i < bytes; i++) {
        used += snprintf(out + used, size - (size_t)used, "%02x", digest[i]);
    }
    return true;
}

int courier_post(const struct post *post, const atomic_bool *stops, char fault[COURIER_FAULT])
{
    struct curl_slist *headers = NULL;
    struct reply reply = {.text = post->reply};
    long status = 0;
    CURL *easy = transfer_new(post->url, "http,https", stops, (long)post->deadline_ms);
    bool made = easy != NULL && header_add(&headers, "Content-Type: %s", post->type) &&
                header_add(&headers, "Expect:"); /* a server that knows no 100 would cost a second */
    int error = EAGAIN, bad = 0;

    for (size_t i = 0; made && i < sizeof post->headers / sizeof *post->headers; i++) {
        made = post->headers[i] == NULL || header_add(&headers, "%s", post->headers[i]);
    }
    snprintf(fault, COURIER_FAULT, "no memory");
    if (!made) {
        goto out;
    }
    if (post->reply != NULL) {
        post->reply[0] = '\0';
    }
    bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post->body);
    bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->size);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "confab");
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)&reply);
    if (bad != 0) {
        goto out;
    }
    CURLcode result = transfer_run(easy, fault, &status);
    if (result == CURLE_OK && status / 100 == 2) {
        error = 0;
    } else if (result == CURLE_OK) {
        snprintf(fault, COURIER_FAULT, "the server answered %ld", status);
    } else if (result == CURLE_ABORTED_BY_CALLBACK) {
        error = ECANCELED;
    }
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return error;
}

/* -- SMTP
 * ---------------------------------------------------------------------------------------------------------
 */

static void base64_write(char *out, const unsigned char *bytes, size_t count)
{
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)count);
}

/*
 * An unstructured header's text as encoded words (RFC 2047), folded; each holds whole characters (§5). Plain
 * ASCII stays as it is.
 */
static void words_write(char *out, size_t size, const char *text)
{
    bool plain = true;
    size_t used = 0;

    for (const char *at = text; *at != '\0'; at++) {
        plain = plain && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f;
    }
    if (plain && strlen(text) < 60 && strstr(text, "=?") == NULL) {
        snprintf(out, size, "%s", text);
        return;
    }
    out[0] = '\0';
    while (*text != '\0') {
        char word[64];
        size_t count = strnlen(text, WORD_BYTES);

        while (count > 1 && text[count] != '\0' && ((unsigned char)text[count] & 0xC0) == 0x80) {
            count--;
        }
        base64_write(word, (const unsigned char *)text, count);
        used += (size_t)snprintf(out + used, size - used, "%s=?UTF-8?B?%s?=", used > 0 ? "\r\n " : "", word);
        if (used >= size) {
            return;
        }
        text += count;
    }
}

/* RFC 5322 §3.3, always in UTC and in English. */
static void date_write(char *out, size_t size, time_t when)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;

    gmtime_r(&when, &tm);
    snprintf(out, size, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
             tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool mail_headers(struct curl_slist **list, const struct mail *mail)
{
    char subject[HEADER_TEXT - 64], date[64];

    words_write(subject, sizeof subject, mail->subject);
    date_write(date, sizeof date, mail->date);
    return header_add(list, "Date: %s", date) && header_add(list, "From: <%s>", mail->from) &&
           header_add(list, "To: <%s>", mail->to) && header_add(list, "Subject: %s", subject) &&
           header_add(list, "Message-ID: <%s>", mail->id) &&
           (mail->reply_to == NULL || header_add(list, "In-Reply-To: <%s>", mail->reply_to)) &&
           header_add(list, "Message-Context: %s", mail->context) &&
           header_add(list, "Auto-Submitted: auto-generated"); /* RFC 3834: nobody answers "on holiday" */
}

static int part_text(curl_mime *mime, const char *text, const char *type)
{
    curl_mimepart *part = curl_mime_addpart(mime);

    return curl_mime_data(part, text, CURL_ZERO_TERMINATED) | curl_mime_type(part, type) |
           curl_mime_encoder(part, "quoted-printable");
}

/* multipart/mixed of multipart/alternative and, where there is one, what is attached. */
static curl_mime *mail_body(CURL *easy, const struct mail *mail)
{
    curl_mime *mixed = curl_mime_init(easy), *both = curl_mime_init(easy);
    int bad = mixed == NULL || both == NULL;

    if (bad == 0) {
        curl_mimepart *part = curl_mime_addpart(mixed);

        bad |= part_text(both, mail->text, "text/plain; charset=utf-8");
        bad |= part_text(both, mail->html, "text/html; charset=utf-8");
        bad |= curl_mime_type(part, "multipart/alternative");
        bad |= curl_mime_subparts(part, both);
        both = bad == 0 ? NULL : both; /* it is the part's from now on */
    }
    if (bad == 0 && mail->attached != NULL) {
        curl_mimepart *part = curl_mime_addpart(mixed);

        bad |= curl_mime_data(part, mail->attached, mail->attached_size);
        bad |= curl_mime_type(part, mail->attached_type);
        bad |= curl_mime_filename(part, mail->attached_name);
        bad |= curl_mime_encoder(part, "base64");
    }
    if (bad != 0) {
        curl_mime_free(both);
        curl_mime_free(mixed);
        return NULL;
    }
    return mixed;
}

static int server_set(CURL *easy, const struct mail_server *server)
{
    long ssl = strcmp(server->tls, "required") == 0   ? CURLUSESSL_ALL
               : strcmp(server->tls, "optional") == 0 ? CURLUSESSL_TRY
                                                      : CURLUSESSL_NONE;
    int bad = curl_easy_setopt(easy, CURLOPT_USE_SSL, ssl);

    if (server->user[0] != '\0') {
        bad |= curl_easy_setopt(easy, CURLOPT_USERNAME, server->user);
        bad |= curl_easy_setopt(easy, CURLOPT_PASSWORD, server->password);
    }
    if (server->ca != NULL) {
        bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, server->ca);
    }
    return bad;
}

/* For good is what is refused for itself: not that we may not send at all (RFC 4954 §6, RFC 3207 §4). */
static int mail_error(CURLcode result, long status)
{
    bool ours = status == 530 || status == 534 || status == 535 || status == 538;

    if (result == CURLE_ABORTED_BY_CALLBACK) {
        return ECANCELED;
    }
    return status >= 500 && status < 600 && !ours ? EINVAL : EAGAIN;
}

int courier_mail(const struct mail_server *server, const struct mail *mail, const atomic_bool *stops,
                 char fault[COURIER_FAULT])
{
    char from[300], to[300];
    struct curl_slist *headers = NULL, *receivers = NULL;
    struct reply reply = {.text = NULL};
    curl_mime *mime = NULL;
    long status = 0;
    CURL *easy = transfer_new(server->url, "smtp,smtps", stops, COURIER_WAIT_S * 1000L);
    int error = EAGAIN, bad = 0;

    snprintf(fault, COURIER_FAULT, "no memory");
    snprintf(from, sizeof from, "<%.290s>", mail->from);
    snprintf(to, sizeof to, "<%.290s>", mail->to);
    mime = easy != NULL ? mail_body(easy, mail) : NULL;
    if (mime == NULL || !mail_headers(&headers, mail) || !header_add(&receivers, "%s", to)) {
        goto out;
    }
    bad |= server_set(easy, server);
    bad |= curl_easy_setopt(easy, CURLOPT_MAIL_FROM, from);
    bad |= curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, receivers);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    bad |= curl_easy_setopt(easy, CURLOPT_MIMEPOST, mime);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)&reply);
    if (bad == 0) {
        CURLcode result = transfer_run(easy, fault, &status);
        error = result == CURLE_OK ? 0 : mail_error(result, status);
    }
out:
    curl_easy_cleanup(easy);
    curl_mime_free(mime);
    curl_slist_free_all(headers);
    curl_slist_free_all(receivers);
    return error;
}
