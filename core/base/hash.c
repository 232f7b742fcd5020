#include "core/base/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

static void digits_write(char *out, const unsigned char *digest, size_t length)
{
    for (size_t i = 0; i < length; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

int md5_text(char out[MD5_TEXT], const char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (!EVP_Digest(text, strlen(text), digest, &length, EVP_md5(), NULL))
        return EIO;
    digits_write(out, digest, length);
    return 0;
}

void sha256_text(char out[SHA256_TEXT], const char *text)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)text, strlen(text), digest);
    digits_write(out, digest, sizeof digest);
}
