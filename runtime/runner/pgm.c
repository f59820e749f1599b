/* SPDX-License-Identifier: Apache-2.0 */
/* PGM, binary (P5) and plain (P2): https://netpbm.sourceforge.net/doc/pgm.html */
#include "pgm.h"

#include <stdlib.h>

typedef struct {
    const uint8_t *data;
    size_t bytes, at;
} reader;

static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The next decimal number, after white space and comments; -1 if there is none below 2^24. */
static int32_t number(reader *in) {
    while (in->at < in->bytes && (is_space(in->data[in->at]) || in->data[in->at] == '#')) {
        if (in->data[in->at] == '#')
            while (in->at < in->bytes && in->data[in->at] != '\n') in->at++;
        else
            in->at++;
    }
    int32_t value = -1;
    for (; in->at < in->bytes && in->data[in->at] >= '0' && in->data[in->at] <= '9'; in->at++) {
        value = (value < 0 ? 0 : value) * 10 + (in->data[in->at] - '0');
        if (value >= 1 << 24) return -1;
    }
    return value;
}

static image_error read_plain(reader *in, int32_t maximum, size_t pixels, float *grey) {
    for (size_t i = 0; i < pixels; i++) {
        int32_t sample = number(in);
        if (sample < 0) return "is a truncated PGM; copy it again";
        if (sample > maximum) return "is a PGM with a sample above its maximum; write it again";
        grey[i] = (float)sample;
    }
    return NULL;
}

static image_error read_binary(reader *in, int32_t maximum, size_t pixels, float *grey) {
    size_t width = maximum > 255 ? 2 : 1;
    if (in->at >= in->bytes || !is_space(in->data[in->at])) return "is a truncated PGM; copy it again";
    in->at++; /* exactly one white space: the next byte may look like another */
    if ((in->bytes - in->at) / width < pixels) return "is a truncated PGM; copy it again";
    const uint8_t *sample = in->data + in->at;
    for (size_t i = 0; i < pixels; i++, sample += width) {
        int32_t value = width == 2 ? sample[0] << 8 | sample[1] : sample[0];
        if (value > maximum) return "is a PGM with a sample above its maximum; write it again";
        grey[i] = (float)value;
    }
    /* Netpbm's tools write several images one behind the other. */
    size_t rest = (size_t)(sample - in->data);
    while (rest < in->bytes && is_space(in->data[rest])) rest++;
    return rest < in->bytes && in->data[rest] == 'P' ? "has more than one image; split it, one a file" : NULL;
}

image_error pgm_decode(const uint8_t *data, size_t bytes, image *result) {
    reader in = {data, bytes, 2};
    int32_t width = number(&in), height = number(&in), maximum = number(&in);
    if (width < 0 || height < 0 || maximum < 1 || maximum > 65535)
        return "is a PGM with a broken header; write it again";
    if (!image_size_allowed((uint64_t)height, (uint64_t)width))
        return "is a PGM of a size that is not supported; use 1x1 to 65536 a side, 2^26 pixels";
    size_t pixels = (size_t)height * (size_t)width;
    /* Even a plain sample takes a byte, so a short file cannot claim much memory. */
    if (pixels > bytes - in.at) return "is a truncated PGM; copy it again";
    float *grey = malloc(pixels * sizeof *grey);
    if (!grey) return "needs more memory than there is; use a smaller image";
    image_error error = data[1] == '5' ? read_binary(&in, maximum, pixels, grey)
                                       : read_plain(&in, maximum, pixels, grey);
    if (error) {
        free(grey);
        return error;
    }
    *result = (image){height, width, grey, (float)maximum, NULL, 1};
    return NULL;
}
