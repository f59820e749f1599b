/* SPDX-License-Identifier: Apache-2.0 */
/* Constants: from the library's compact form to the one that kernels read. */
#include "constants.h"

#include <string.h>

typedef struct {
    uint64_t packed, count, size, copies; /* bytes in the library; constants, bytes of one, copies of each */
} section;

enum { SECTIONS = 5, TABLES = 3, RUN_BYTES = 2 };

static section section_of(const bn_stage *stage, int i) {
    const section all[SECTIONS] = {
        {stage->floats * sizeof(float), stage->floats, sizeof(float), BN_FLOAT_COPIES},
        {stage->words * sizeof(int16_t), stage->words, sizeof(int16_t), 1},
        {stage->bytes, stage->bytes, 1, BN_BYTE_COPIES},
        {(uint64_t)stage->runs * RUN_BYTES, stage->tables, 1, 1},
        {stage->biases * sizeof(int16_t), stage->biases, sizeof(int16_t), BN_BIAS_COPIES},
    };
    return all[i];
}

static uint64_t round_up(uint64_t n, uint64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

uint64_t bn_packed_bytes(const bn_stage *stage) {
    uint64_t bytes = 0;
    for (int i = 0; i < SECTIONS; i++) {
        section s = section_of(stage, i);
        bytes += round_up(s.packed, 4);
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

static void repeat(const section *s, const uint8_t *from, uint8_t *to) {
    for (uint64_t n = 0; n < s->count; n++, from += s->size)
        for (uint64_t c = 0; c < s->copies; c++, to += s->size) memcpy(to, from, (size_t)s->size);
}

/* What runs say too much is left out, what they say too little is 0: a probe's constants are anybody's. */
static void expand(const section *s, const uint8_t *from, uint8_t *to) {
    uint64_t room = s->count;
    for (const uint8_t *end = from + s->packed; from < end && room; from += RUN_BYTES) {
        uint64_t length = (uint64_t)from[0] + 1 < room ? (uint64_t)from[0] + 1 : room;
        memset(to, from[1], (size_t)length);
        to += length, room -= length;
    }
    memset(to, 0, (size_t)room);
}

void bn_replicate(const bn_stage *stage, const uint8_t *packed, uint8_t *replicated) {
    for (int i = 0; i < SECTIONS; i++) {
        section s = section_of(stage, i);
        (i == TABLES ? expand : repeat)(&s, packed, replicated);
        packed += round_up(s.packed, 4);
        replicated += round_up(s.count * s.size * s.copies, BN_SECTION);
    }
}
