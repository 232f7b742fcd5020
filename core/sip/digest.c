/* Digest: parsing and arithmetic. */
#include "core/sip/digest.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* Hashes the parts with ':' between them into hexadecimal digits. */
static int hash_parts(enum digest_algorithm algorithm, const char *const *parts, size_t count,
                      char out[DIGEST_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    const EVP_MD *kind = algorithm == DIGEST_SHA256 ? EVP_sha256() : EVP_md5();
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = context && EVP_DigestInit_ex(context, kind, NULL);

    for (size_t i = 0; good && i < count; i++)
        good = (i == 0 || EVP_DigestUpdate(context, ":", 1)) &&
               EVP_DigestUpdate(context, parts[i], strlen(parts[i]));
    good = good && EVP_DigestFinal_ex(context, hash, &length) && length * 2 < DIGEST_TEXT;
    EVP_MD_CTX_free(context);
    if (!good)
        return EIO;
    for (unsigned i = 0; i < length; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[2 * length] = '\0';
    return 0;
}

int digest_ha1(enum digest_algorithm algorithm, const char *username, const char *realm, const char *password,
               char out[DIGEST_TEXT])
{
    const char *parts[] = {username, realm, password};

    return hash_parts(algorithm, parts, 3, out);
}

int digest_response(const struct digest_credentials *c, const char *ha1, const char *method,
                    char out[DIGEST_TEXT])
{
    char ha2[DIGEST_TEXT];
    const char *request[] = {method, c->uri};
    const char *all[] = {ha1, c->nonce, c->nc_text, c->cnonce, "auth", ha2};
    int error = hash_parts(c->algorithm, request, 2, ha2);

    return error ? error : hash_parts(c->algorithm, all, 6, out);
}

bool digest_equal(const char *a, const char *b)
{
    size_t length = strlen(a);

    return length == strlen(b) && CRYPTO_memcmp(a, b, length) == 0;
}

/*
 * Copies a value without its quotes. What is inside stays as it was written, backslashes too: the sender
 * hashed what he wrote, and no name of ours has a character that needs one.
 */
static int value_copy(char *out, size_t size, const char *value)
{
    size_t length = strlen(value);

    if (value[0] == '"') {
        if (length < 2 || value[length - 1] != '"')
            return EINVAL;
        value++;
        length -= 2;
    }
    if (length >= size)
        return EINVAL;
    memcpy(out, value, length);
    out[length] = '\0';
    return 0;
}

/* RFC 7616 §3.4: nc is eight hexadecimal digits. */
static int nonce_count_read(struct digest_credentials *out, const char *value)
{
    if (value_copy(out->nc_text, sizeof out->nc_text, value) != 0 || strlen(out->nc_text) != 8)
        return EINVAL;
    for (const char *p = out->nc_text; *p; p++)
        if (!isxdigit((unsigned char)*p))
            return EINVAL;
    out->nc = (uint32_t)strtoul(out->nc_text, NULL, 16);
    return 0;
}

static int algorithm_read(struct digest_credentials *out, const char *value)
{
    char name[32];

    if (value_copy(name, sizeof name, value) != 0)
        return EINVAL;
    if (strcasecmp(name, "MD5") == 0)
        out->algorithm = DIGEST_MD5;
    else if (strcasecmp(name, "SHA-256") == 0)
        out->algorithm = DIGEST_SHA256;
    else
        return EINVAL;
    return 0;
}

static int response_read(struct digest_credentials *out, const char *value)
{
    int error = value_copy(out->response, sizeof out->response, value);

    /* RFC 7616 §3.4 wants lower case; some send capitals. */
    for (char *p = out->response; error == 0 && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return error;
}

static int qop_read(bool *seen, const char *value)
{
    char qop[16];

    *seen = value_copy(qop, sizeof qop, value) == 0 && strcasecmp(qop, "auth") == 0;
    return *seen ? 0 : EINVAL;
}

/* The value of `param` when its name is `name`, else NULL. */
static const char *param_value(const char *param, const char *name)
{
    size_t length = strlen(name);

    if (strncasecmp(param, name, length) != 0)
        return NULL;
    param += length + strspn(param + length, " \t");
    return *param == '=' ? param + 1 + strspn(param + 1, " \t") : NULL;
}

int digest_parse(struct digest_credentials *out, const char *const *params)
{
    bool qop = false;
    int error = 0;

    memset(out, 0, sizeof *out);
    for (; params && *params && error == 0; params++) {
        const char *value;

        if ((value = param_value(*params, "username")))
            error = value_copy(out->username, sizeof out->username, value);
        else if ((value = param_value(*params, "realm")))
            error = value_copy(out->realm, sizeof out->realm, value);
        else if ((value = param_value(*params, "nonce")))
            error = value_copy(out->nonce, sizeof out->nonce, value);
        else if ((value = param_value(*params, "uri")))
            error = value_copy(out->uri, sizeof out->uri, value);
        else if ((value = param_value(*params, "response")))
            error = response_read(out, value);
        else if ((value = param_value(*params, "cnonce")))
            error = value_copy(out->cnonce, sizeof out->cnonce, value);
        else if ((value = param_value(*params, "nc")))
            error = nonce_count_read(out, value);
        else if ((value = param_value(*params, "algorithm")))
            error = algorithm_read(out, value);
        else if ((value = param_value(*params, "qop")))
            error = qop_read(&qop, value);
    }
    if (error || !qop || !out->username[0] || !out->nonce[0] || !out->uri[0] || !out->response[0] ||
        !out->cnonce[0] || !out->nc_text[0])
        return EINVAL;
    return 0;
}
