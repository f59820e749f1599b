/* SPDX-License-Identifier: Apache-2.0 */
/* A plain canonical-Huffman inflate, bit by bit: strict and short rather than fast. */
#include "inflate.h"

#include <string.h>

enum { MAX_BITS = 15, MAX_LITERALS = 288, MAX_DISTANCES = 32, LENGTH_CODES = 19 };

typedef struct {
    const uint8_t *in;
    size_t in_bytes, in_at;
    uint32_t hold; /* bits taken from `in` and not used yet, the next one lowest */
    int held;
    uint8_t *out;
    size_t out_bytes, out_at;
    bool broken; /* read past the end; what was read then is 0 */
} stream;

/* count[n]: codes of n bits; symbol: their symbols, ordered by code. */
typedef struct {
    uint16_t count[MAX_BITS + 1];
    uint16_t symbol[MAX_LITERALS];
} code;

static uint32_t bits(stream *s, int need) { /* need <= 16 */
    while (s->held < need) {
        if (s->in_at == s->in_bytes) {
            s->broken = true;
            return 0;
        }
        s->hold |= (uint32_t)s->in[s->in_at++] << s->held;
        s->held += 8;
    }
    uint32_t value = s->hold & ((1u << need) - 1);
    s->hold >>= need;
    s->held -= need;
    return value;
}

/* False for lengths that no prefix code has. As zlib does, an incomplete code is accepted only if it has no
 * symbol or a single one of one bit. */
static bool build(code *c, const uint8_t *length, int symbols) {
    memset(c->count, 0, sizeof c->count);
    for (int i = 0; i < symbols; i++) c->count[length[i]]++;
    int used = symbols - c->count[0], left = 1;
    c->count[0] = 0;
    for (int n = 1; n <= MAX_BITS; n++) {
        left = left * 2 - c->count[n];
        if (left < 0) return false;
    }
    if (left > 0 && !(used == 0 || (used == 1 && c->count[1] == 1))) return false;

    uint16_t next[MAX_BITS + 1] = {0};
    for (int n = 1; n < MAX_BITS; n++) next[n + 1] = (uint16_t)(next[n] + c->count[n]);
    for (int i = 0; i < symbols; i++)
        if (length[i] > 0) c->symbol[next[length[i]]++] = (uint16_t)i;
    return true;
}

/* The codes of n bits are `first` .. `first + count[n] - 1`; -1 if no code fits. */
static int symbol(stream *s, const code *c) {
    int value = 0, first = 0, index = 0;
    for (int n = 1; n <= MAX_BITS; n++) {
        value |= (int)bits(s, 1);
        if (s->broken) return -1;
        int count = c->count[n];
        if (value - first < count) return c->symbol[index + value - first];
        index += count;
        first = (first + count) * 2;
        value *= 2;
    }
    return -1;
}

static bool stored(stream *s) {
    s->hold = 0; /* fewer than 8 bits are held: the rest of the last byte */
    s->held = 0;
    if (s->in_bytes - s->in_at < 4) return false;
    const uint8_t *head = s->in + s->in_at;
    uint32_t length = head[0] | (uint32_t)head[1] << 8, inverse = head[2] | (uint32_t)head[3] << 8;
    s->in_at += 4;
    if (length != (~inverse & 0xffff)) return false;
    if (length > s->in_bytes - s->in_at || length > s->out_bytes - s->out_at) return false;
    memcpy(s->out + s->out_at, s->in + s->in_at, length);
    s->in_at += length;
    s->out_at += length;
    return true;
}

static bool copy_match(stream *s, size_t length, size_t distance) {
    if (distance > s->out_at || length > s->out_bytes - s->out_at) return false;
    for (; length > 0; length--, s->out_at++) s->out[s->out_at] = s->out[s->out_at - distance];
    return true;
}

static bool compressed(stream *s, const code *literals, const code *distances) {
    static const uint16_t length_base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                             31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                             2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t distance_base[30] = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,
                                               33,  49,  65,  97,  129, 193,  257,  385,  513,  769,
                                               1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    for (;;) {
        int what = symbol(s, literals);
        if (what < 0) return false;
        if (what == 256) return true;
        if (what < 256) {
            if (s->out_at == s->out_bytes) return false;
            s->out[s->out_at++] = (uint8_t)what;
            continue;
        }
        if (what > 285) return false;
        size_t length = length_base[what - 257] + bits(s, length_extra[what - 257]);
        int which = symbol(s, distances);
        if (which < 0 || which > 29) return false;
        size_t distance = distance_base[which] + bits(s, which < 4 ? 0 : which / 2 - 1);
        if (s->broken || !copy_match(s, length, distance)) return false;
    }
}

static bool fixed_block(stream *s) {
    code literals, distances;
    uint8_t length[MAX_LITERALS];
    for (int i = 0; i < MAX_LITERALS; i++) length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    build(&literals, length, MAX_LITERALS);
    memset(length, 5, MAX_DISTANCES);
    build(&distances, length, MAX_DISTANCES);
    return compressed(s, &literals, &distances);
}

/* The code lengths of both alphabets, themselves run-length and Huffman coded. */
static bool read_lengths(stream *s, const code *lengths, uint8_t *length, int total) {
    int filled = 0;
    while (filled < total) {
        int what = symbol(s, lengths), repeat = 1;
        uint8_t value = (uint8_t)what;
        if (what < 0) return false;
        if (what >= 16) {
            if (what == 16 && filled == 0) return false;
            value = what == 16 ? length[filled - 1] : 0;
            repeat = what == 16 ? 3 + (int)bits(s, 2) : what == 17 ? 3 + (int)bits(s, 3) : 11 + (int)bits(s, 7);
        }
        if (s->broken || repeat > total - filled) return false;
        memset(length + filled, value, (size_t)repeat);
        filled += repeat;
    }
    return true;
}

static bool dynamic_block(stream *s) {
    static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                11, 4,  12, 3, 13, 2, 14, 1, 15};
    code literals, distances;
    uint8_t length[MAX_LITERALS + MAX_DISTANCES] = {0};
    int literal_count = (int)bits(s, 5) + 257, distance_count = (int)bits(s, 5) + 1;
    int length_count = (int)bits(s, 4) + 4;
    if (literal_count > 286 || distance_count > 30) return false;
    for (int i = 0; i < length_count; i++) length[order[i]] = (uint8_t)bits(s, 3);
    if (s->broken || !build(&literals, length, LENGTH_CODES)) return false;
    if (!read_lengths(s, &literals, length, literal_count + distance_count)) return false;
    if (length[256] == 0) return false; /* the block could not end */
    if (!build(&literals, length, literal_count)) return false;
    if (!build(&distances, length + literal_count, distance_count)) return false;
    return compressed(s, &literals, &distances);
}

static bool inflate(stream *s) {
    bool last;
    do {
        last = bits(s, 1);
        uint32_t type = bits(s, 2);
        if (s->broken) return false;
        bool good = type == 0 ? stored(s) : type == 1 ? fixed_block(s) : type == 2 ? dynamic_block(s) : false;
        if (!good) return false;
    } while (!last);
    return true;
}

static uint32_t adler32(const uint8_t *data, size_t bytes) {
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < bytes;) {
        size_t end = bytes - i < 5552 ? bytes : i + 5552; /* as many as fit 32 bits without the modulo */
        for (; i < end; i++) b += a += data[i];
        a %= 65521;
        b %= 65521;
    }
    return b << 16 | a;
}

bool zlib_unpack(const uint8_t *packed, size_t bytes, uint8_t *out, size_t size) {
    if (bytes < 6) return false;
    bool deflate = (packed[0] & 15) == 8 && packed[0] >> 4 <= 7, dictionary = packed[1] & 0x20;
    if (!deflate || dictionary || (packed[0] * 256 + packed[1]) % 31 != 0) return false;
    stream s = {.in = packed, .in_bytes = bytes, .in_at = 2, .out = out, .out_bytes = size};
    if (!inflate(&s) || s.out_at != size || s.in_bytes - s.in_at < 4) return false;
    const uint8_t *sum = packed + s.in_at;
    uint32_t expected = (uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3];
    return !CHECKSUMS || adler32(out, size) == expected;
}
