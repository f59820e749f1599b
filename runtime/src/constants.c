/* SPDX-License-Identifier: Apache-2.0 */
/* Constants: from the library's compact form to the one that kernels read. */
#include "constants.h"

#include <string.h>

typedef struct {
    uint64_t count, size, copies;
} section;

enum { SECTIONS = 5 };

static section section_of(const bn_stage *stage, int i) {
    const section all[SECTIONS] = {{stage->floats, sizeof(float), BN_FLOAT_COPIES},
                                   {stage->words, sizeof(int16_t), 1},
                                   {stage->bytes, 1, BN_BYTE_COPIES},
                                   {stage->tables, 1, 1},
                                   {stage->biases, sizeof(int16_t), BN_BIAS_COPIES}};
    return all[i];
}

static uint64_t round_up(uint64_t n, uint64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

uint64_t bn_packed_bytes(const bn_stage *stage) {
    uint64_t bytes = 0;
    for (int i = 0; i < SECTIONS; i++) {
        section s = section_of(stage, i);
        bytes += round_up(s.count * s.size, 4);
    }
    return bytes;
}

uint64_t bn_replicated_bytes(const bn_stage *stage) {
    uint64_t bytes = 0;
    for (int i = 0; i < SECTIONS; i++) {
        section s = section_of(stage, i);
        bytes += round_up(s.count * s.size * s.copies, BN_SECTION);
    }
    return bytes;
}

void bn_replicate(const bn_stage *stage, const uint8_t *packed, uint8_t *replicated) {
    for (int i = 0; i < SECTIONS; i++) {
        section s = section_of(stage, i);
        uint8_t *to = replicated;
        for (uint64_t n = 0; n < s.count; n++)
            for (uint64_t c = 0; c < s.copies; c++, to += s.size) memcpy(to, packed + n * s.size, (size_t)s.size);
        packed += round_up(s.count * s.size, 4);
        replicated += round_up(s.count * s.size * s.copies, BN_SECTION);
    }
}
