/* SPDX-License-Identifier: Apache-2.0 */
#include "values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "biisnet.h"
#include "fail.h"
#include "file.h"
#include "resize.h"
#include "text.h"

void values_check(const options *o, extent size) {
    if (!o->values) return;
    bool grey = ends_with(o->values, ".pgm"), colour = ends_with(o->values, ".ppm");
    if (!grey && !colour && !ends_with(o->values, ".f32"))
        fail("%s: unknown form of values; name it .f32, .pgm or .ppm", o->values);
    if ((grey && size.channels != 1) || (colour && size.channels != 3))
        fail("%s: the output has %d channels; name it .f32%s", o->values, size.channels,
             size.channels == 1 ? " or .pgm" : size.channels == 3 ? " or .ppm" : "");
    if (output_same(o->values, o->image)) fail("%s: is the image itself; give another output name", o->values);
}

/* As tools/run does: `of` of a frame of `model` pixels, of one of `pixels`; halves are rounded up. */
static int scaled(int pixels, int of, int model) {
    long long size = (2LL * pixels * of + model) / (2LL * model);
    return size < 1 ? 1 : (int)size;
}

float *values_of_frame(const float *values, extent in, extent *size, int height, int width) {
    extent out = *size;
    out.height = scaled(height, size->height, in.height);
    out.width = scaled(width, size->width, in.width);
    size_t from = (size_t)size->height * (size_t)size->width, to = (size_t)out.height * (size_t)out.width;
    float *result = memory((size_t)out.channels * to * sizeof *result);
    for (int c = 0; c < out.channels; c++)
        resize_bilinear(values + (size_t)c * from, size->height, size->width, result + (size_t)c * to, out.height,
                        out.width);
    bool is_resized = out.height != size->height || out.width != size->width;
    if (is_resized && biisnet_output_dtype(0) != BIISNET_FLOAT32)
        for (size_t i = 0; i < (size_t)out.channels * to; i++) result[i] = rintf(result[i]);
    *size = out;
    return result;
}

/* To the nearest whole level, halves to the even one; not a number is black. */
static uint8_t level(double value, double low, double high) {
    double found = (value - low) * 255 / (high - low);
    return found > 0 ? (uint8_t)rint(found < 255 ? found : 255) : 0;
}

void values_write(const options *o, const float *values, extent size) {
    size_t pixels = (size_t)size.height * (size_t)size.width, channels = (size_t)size.channels;
    if (ends_with(o->values, ".f32")) {
        output_write(o->values, values, channels * pixels * sizeof *values);
        outputs_commit();
        return;
    }
    char head[64];
    size_t head_bytes =
        (size_t)snprintf(head, sizeof head, "P%d\n%d %d\n255\n", channels == 3 ? 6 : 5, size.width, size.height);
    uint8_t *file = memory(head_bytes + channels * pixels), *next = file + head_bytes;
    memcpy(file, head, head_bytes);
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < channels; c++) *next++ = level((double)values[c * pixels + i], o->low, o->high);
    output_write(o->values, file, head_bytes + channels * pixels);
    outputs_commit();
    free(file);
}
