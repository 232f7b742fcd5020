/* G.711's tables: see g711.h. */
#include "mixer/g711.h"

#include <spandsp.h>

struct g711 g711_tables[2];

__attribute__((constructor)) static void tables_make(void)
{
    for (int i = 0; i < 256; i++) {
        int16_t pair[2] = {ulaw_to_linear((uint8_t)i), alaw_to_linear((uint8_t)i)};
        for (int law = 0; law < 2; law++) {
            g711_tables[law].linear[i] = pair[law];
            g711_tables[law].square[i] = (uint32_t)(pair[law] * pair[law]);
        }
    }
    for (int v = INT16_MIN; v <= INT16_MAX; v++) {
        g711_tables[0].code[(uint16_t)v] = linear_to_ulaw(v);
        g711_tables[1].code[(uint16_t)v] = linear_to_alaw(v);
    }
}
