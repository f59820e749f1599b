/* SPDX-License-Identifier: Apache-2.0 */
/* The runner's image code by itself: `decode FILE [HEIGHT WIDTH [LEVELS [CHANNELS]]]` prints "HEIGHT WIDTH\n" and the
 * levels as float32, resized if a size above 0 is given: grey, or so many planes. An empty LEVELS is none. */
#include <stdio.h>
#include <stdlib.h>

#include "file.h"
#include "image.h"
#include "levels.h"
#include "resize.h"

int main(int count, char **arguments) {
    int channels = count > 5 ? atoi(arguments[5]) : 1;
    image source = image_read(arguments[1], channels);
    int height = count > 2 && atoi(arguments[2]) ? atoi(arguments[2]) : source.height;
    int width = count > 2 && atoi(arguments[3]) ? atoi(arguments[3]) : source.width;
    levels given = {0};
    if (count > 4 && *arguments[4]) given = levels_parse(arguments[4]);
    levels_watch watch = levels_watch_begin();
    levels_apply(&given, &watch, arguments[1], &source);
    size_t pixels = (size_t)height * (size_t)width, from = (size_t)source.height * (size_t)source.width;
    float *result = memory(pixels * sizeof *result);
    printf("%d %d\n", height, width);
    for (int c = 0; c < channels; c++) {
        resize_bilinear(source.grey + (size_t)c * from, source.height, source.width, result, height, width);
        fwrite(result, sizeof *result, pixels, stdout);
    }
    free(result);
    free(source.grey);
    return 0;
}
