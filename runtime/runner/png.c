/* SPDX-License-Identifier: Apache-2.0 */
/* PNG (ISO/IEC 15948): every colour type and bit depth, Adam7 too. Transparency is ignored. Where grey is wanted it is
 * the sample, or of colour ITU-R BT.601 luma in whole counts as Pillow does it, so that both give the network the same
 * pixels; where colour is, a grey sample is all three. */
#include "png.h"

#include <stdlib.h>
#include <string.h>

#include "inflate.h"

enum { GREY = 0, RGB = 2, PALETTE = 3, GREY_ALPHA = 4, RGB_ALPHA = 6 };

static const char BROKEN[] = "is a damaged PNG; copy it again";
static const char MEMORY[] = "needs more memory than there is; use a smaller image";

typedef struct {
    uint32_t width, height;
    int depth, colour, channels, passes;
    uint8_t palette[256][3];
    uint32_t palette_entries;
    uint8_t *packed; /* the IDAT chunks' contents, one after the other */
    size_t packed_bytes;
} png;

/* One pass of Adam7: the pixels (x0 + i*dx, y0 + j*dy). */
typedef struct {
    uint32_t x0, y0, dx, dy;
} pass;

static const pass WHOLE[1] = {{0, 0, 1, 1}};
static const pass ADAM7[7] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                              {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};

static uint32_t big32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* CRC-32 of PNG's annex D, four bits at a time. */
static uint32_t crc32(const uint8_t *data, size_t bytes) {
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < bytes; i++) {
        crc = (crc >> 4) ^ table[(crc ^ data[i]) & 15];
        crc = (crc >> 4) ^ table[(crc ^ data[i] >> 4) & 15];
    }
    return ~crc;
}

static image_error read_header(png *p, const uint8_t *head, uint32_t bytes) {
    if (bytes != 13) return BROKEN;
    p->width = big32(head);
    p->height = big32(head + 4);
    p->depth = head[8];
    p->colour = head[9];
    if (head[10] != 0 || head[11] != 0 || head[12] > 1) return BROKEN;
    p->passes = head[12] == 1 ? 7 : 1;
    p->channels = p->colour == RGB ? 3 : p->colour == GREY_ALPHA ? 2 : p->colour == RGB_ALPHA ? 4 : 1;
    bool small = p->depth == 1 || p->depth == 2 || p->depth == 4;
    bool valid = p->colour == GREY      ? small || p->depth == 8 || p->depth == 16
                 : p->colour == PALETTE ? small || p->depth == 8
                 : p->colour == RGB || p->colour == GREY_ALPHA || p->colour == RGB_ALPHA
                     ? p->depth == 8 || p->depth == 16
                     : false;
    if (!valid) return BROKEN;
    if (!image_size_allowed(p->height, p->width))
        return "is a PNG of a size that is not supported; use 1x1 to 65536 a side, 2^26 pixels";
    return NULL;
}

static image_error read_palette(png *p, const uint8_t *body, uint32_t bytes) {
    if (p->palette_entries || bytes == 0 || bytes % 3 != 0 || bytes > sizeof p->palette) return BROKEN;
    memcpy(p->palette, body, bytes);
    p->palette_entries = bytes / 3;
    return NULL;
}

/* Walks the chunks up to IEND, joins the IDATs in p->packed (as large as the file, so large enough). */
static image_error read_chunks(png *p, const uint8_t *data, size_t bytes) {
    size_t at = 8;
    bool ended_data = false;
    for (bool first = true;; first = false) {
        if (bytes - at < 12) return BROKEN;
        uint32_t length = big32(data + at);
        if (length > bytes - at - 12) return BROKEN;
        const uint8_t *type = data + at + 4, *body = type + 4;
        if (CHECKSUMS && crc32(type, length + (size_t)4) != big32(body + length)) return BROKEN;
        at += length + (size_t)12;

        image_error error = NULL;
        bool header = memcmp(type, "IHDR", 4) == 0, content = memcmp(type, "IDAT", 4) == 0;
        if (header != first) return BROKEN;
        if (!content && p->packed_bytes > 0) ended_data = true;
        if (header) {
            error = read_header(p, body, length);
        } else if (content) {
            if (ended_data || (p->colour == PALETTE && !p->palette_entries)) return BROKEN;
            memcpy(p->packed + p->packed_bytes, body, length);
            p->packed_bytes += length;
        } else if (memcmp(type, "PLTE", 4) == 0) {
            error = p->packed_bytes > 0 || p->colour == GREY || p->colour == GREY_ALPHA
                        ? BROKEN
                        : read_palette(p, body, length);
        } else if (memcmp(type, "acTL", 4) == 0 && length == 8 && big32(body) != 1) {
            error = "is an animation of several frames; save them as one image each";
        } else if (memcmp(type, "IEND", 4) == 0) {
            return length == 0 ? NULL : BROKEN;
        } else if (!(type[0] & 0x20)) {
            error = "is a PNG with a critical chunk of an unknown kind; export it as a plain PNG";
        }
        if (error) return error;
    }
}

/* Pixels of a pass along one axis. */
static uint32_t pass_extent(uint32_t extent, uint32_t start, uint32_t step) {
    return extent > start ? (extent - start + step - 1) / step : 0;
}

static size_t row_bytes(const png *p, uint32_t width) {
    return ((size_t)width * (size_t)(p->channels * p->depth) + 7) / 8;
}

static const pass *pass_of(const png *p, int index) { return p->passes == 7 ? &ADAM7[index] : &WHOLE[index]; }

static size_t pass_bytes(const png *p, const pass *s) {
    uint32_t width = pass_extent(p->width, s->x0, s->dx), height = pass_extent(p->height, s->y0, s->dy);
    return width && height ? (row_bytes(p, width) + 1) * height : 0;
}

static int paeth(int left, int up, int corner) {
    int guess = left + up - corner;
    int l = abs(guess - left), u = abs(guess - up), c = abs(guess - corner);
    return l <= u && l <= c ? left : u <= c ? up : corner;
}

/* Undoes a row's filter in place; `above` is the row before, or NULL for zeros. False: no such filter. */
static bool unfilter(uint8_t filter, uint8_t *row, const uint8_t *above, size_t bytes, size_t pixel) {
    if (filter > 4) return false;
    for (size_t i = 0; i < bytes; i++) {
        int left = i >= pixel ? row[i - pixel] : 0, up = above ? above[i] : 0;
        int corner = above && i >= pixel ? above[i - pixel] : 0;
        int add = filter == 1 ? left : filter == 2 ? up : filter == 3 ? (left + up) / 2 : 0;
        if (filter == 4) add = paeth(left, up, corner);
        row[i] = (uint8_t)(row[i] + add);
    }
    return true;
}

static float luma(uint32_t red, uint32_t green, uint32_t blue) { /* 0.299, 0.587, 0.114 in 1/65536, rounded */
    return (float)((19595u * red + 38470u * green + 7471u * blue + 32768u) >> 16);
}

static float luma8(const uint8_t *rgb) { return luma(rgb[0], rgb[1], rgb[2]); }

static uint32_t big16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }

/* Count of pixel x of an unfiltered row; below 0: a palette index that has no entry. */
static float grey_level(const png *p, const uint8_t *row, uint32_t x) {
    if (p->depth < 8) {
        uint32_t first_bit = x * (uint32_t)p->depth, mask = (1u << p->depth) - 1;
        uint32_t sample = row[first_bit / 8] >> (8 - (uint32_t)p->depth - first_bit % 8) & mask;
        if (p->colour == GREY) return (float)sample;
        return sample < p->palette_entries ? luma8(p->palette[sample]) : -1.0f;
    }
    const uint8_t *at = row + (size_t)x * (size_t)(p->channels * p->depth / 8);
    if (p->colour == PALETTE) return *at < p->palette_entries ? luma8(p->palette[*at]) : -1.0f;
    if (p->colour == GREY || p->colour == GREY_ALPHA)
        return (float)(p->depth == 8 ? *at : big16(at));
    return p->depth == 8 ? luma8(at) : luma(big16(at), big16(at + 2), big16(at + 4));
}

/* The same of channel c of three. */
static float colour_level(const png *p, const uint8_t *row, uint32_t x, int c) {
    if (p->colour == GREY || p->colour == GREY_ALPHA) return grey_level(p, row, x);
    if (p->colour == PALETTE) {
        uint32_t first_bit = x * (uint32_t)p->depth, mask = (1u << p->depth) - 1;
        uint32_t entry = row[first_bit / 8] >> (8 - (uint32_t)p->depth - first_bit % 8) & mask;
        return entry < p->palette_entries ? (float)p->palette[entry][c] : -1.0f;
    }
    const uint8_t *at = row + (size_t)x * (size_t)(p->channels * p->depth / 8);
    return p->depth == 8 ? (float)at[c] : (float)big16(at + 2 * c);
}

static image_error read_pass(const png *p, const pass *s, uint8_t *raw, int channels, float *planes) {
    uint32_t width = pass_extent(p->width, s->x0, s->dx), height = pass_extent(p->height, s->y0, s->dy);
    size_t bytes = row_bytes(p, width), pixel = (size_t)(p->channels * p->depth + 7) / 8;
    const uint8_t *above = NULL;
    for (uint32_t j = 0; j < height && width > 0; j++, raw += bytes + 1) {
        if (!unfilter(raw[0], raw + 1, above, bytes, pixel)) return BROKEN;
        above = raw + 1;
        for (int c = 0; c < channels; c++) {
            float *line = planes + ((size_t)c * p->height + s->y0 + j * s->dy) * p->width;
            for (uint32_t i = 0; i < width; i++) {
                float level = channels == 1 ? grey_level(p, raw + 1, i) : colour_level(p, raw + 1, i, c);
                if (level < 0) return BROKEN;
                line[s->x0 + i * s->dx] = level;
            }
        }
    }
    return NULL;
}

static image_error read_pixels(const png *p, int channels, float *planes) {
    size_t total = 0;
    for (int i = 0; i < p->passes; i++) total += pass_bytes(p, pass_of(p, i));
    /* Deflate packs at most 1032 to 1, so a short file cannot claim much memory. */
    if (total / 1032 > p->packed_bytes) return BROKEN;
    uint8_t *raw = malloc(total);
    if (!raw) return MEMORY;
    image_error error = zlib_unpack(p->packed, p->packed_bytes, raw, total) ? NULL : BROKEN;
    uint8_t *at = raw;
    for (int i = 0; i < p->passes && !error; i++) {
        error = read_pass(p, pass_of(p, i), at, channels, planes);
        at += pass_bytes(p, pass_of(p, i));
    }
    free(raw);
    return error;
}

image_error png_decode(const uint8_t *data, size_t bytes, int channels, image *result) {
    png p = {.palette_entries = 0};
    p.packed = malloc(bytes);
    if (!p.packed) return MEMORY;
    image_error error = read_chunks(&p, data, bytes);
    float *grey = NULL;
    if (!error) {
        grey = malloc((size_t)channels * p.width * p.height * sizeof *grey);
        error = grey ? read_pixels(&p, channels, grey) : MEMORY;
    }
    free(p.packed);
    if (error) {
        free(grey);
        return error;
    }
    int bits = p.colour == PALETTE ? 8 : p.depth;
    *result = (image){(int)p.height, (int)p.width, grey, (float)((1 << bits) - 1), NULL, channels};
    return NULL;
}
