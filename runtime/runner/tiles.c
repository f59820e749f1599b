/* SPDX-License-Identifier: Apache-2.0 */
#include "tiles.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "file.h"
#include "image.h"

/* Where tiles begin along one axis: 0, step, 2*step .. and, whatever the step, last. */
typedef struct {
    int size, tile, step, last;
} axis;

/* Multiples of the stride, so that each tile's pixels are computed as the whole frame's are. */
static axis axis_of(int size, int tile) {
    int radius = biisnet_receptive_field_radius(), stride = biisnet_receptive_field_stride();
    int step = (tile - 2 * radius) / stride * stride;
    int last = size > tile ? (size - tile + stride - 1) / stride * stride : 0;
    return (axis){size, tile, step, last};
}

/* The start after `start`; past the last one it is past the axis. */
static int next_start(const axis *a, int start) {
    if (start == a->last) return a->size;
    return start + a->step < a->last ? start + a->step : a->last;
}

static int end_of(const axis *a, int start) { return start + a->tile < a->size ? start + a->tile : a->size; }

void tiles_check(int height, int width) {
    int radius = biisnet_receptive_field_radius(), stride = biisnet_receptive_field_stride();
    int tile = height < width ? height : width;
    if (!stride) fail("this model cannot work in tiles: it has no one receptive field; run it without --tile");
    if (tile - 2 * radius < stride)
        fail("tiles of %d pixels have no inside, for results depend on %d pixels around; compile for at least %d", tile,
             radius, 2 * radius + stride);
}

static void read_tile(const image *frame, int top, int left, int height, int width, float *tile) {
    for (int y = 0; y < height; y++) {
        int row = top + y < frame->height ? top + y : frame->height - 1;
        const float *from = frame->grey + (size_t)row * (size_t)frame->width;
        int there = left + width <= frame->width ? width : frame->width - left;
        memcpy(tile, from + left, (size_t)there * sizeof *tile);
        for (int x = there; x < width; x++) tile[x] = from[frame->width - 1];
        tile += width;
    }
}

void tiles_run(session *s, image *frame, int height, int width) {
    image_floats(frame);
    axis rows = axis_of(frame->height, height), columns = axis_of(frame->width, width);
    int radius = biisnet_receptive_field_radius();
    float *values = memory((size_t)frame->height * (size_t)frame->width * sizeof *values);
    /* From the first on: a tile's inside replaces what of the tile before it was outside of that one's. */
    for (int top = 0; top < rows.size; top = next_start(&rows, top))
        for (int left = 0; left < columns.size; left = next_start(&columns, left)) {
            read_tile(frame, top, left, height, width, s->levels);
            session_give(s);
            session_run(s);
            session_take(s);
            int skip = left ? radius : 0, count = end_of(&columns, left) - left - skip;
            for (int y = top ? top + radius : 0; y < end_of(&rows, top); y++)
                memcpy(values + (size_t)y * (size_t)frame->width + left + skip,
                       s->values + (size_t)(y - top) * (size_t)width + skip, (size_t)count * sizeof *values);
        }
    free(frame->grey);
    frame->grey = values;
}
