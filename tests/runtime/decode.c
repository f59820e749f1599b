/* SPDX-License-Identifier: Apache-2.0 */
/* The runner's image code by itself: `decode FILE [HEIGHT WIDTH]` prints "HEIGHT WIDTH\n" and the grey levels as
 * float32, resized if a size is given. */
#include <stdio.h>
#include <stdlib.h>

#include "file.h"
#include "image.h"
#include "resize.h"

int main(int count, char **arguments) {
    image source = image_read(arguments[1]);
    int height = count > 2 ? atoi(arguments[2]) : source.height;
    int width = count > 2 ? atoi(arguments[3]) : source.width;
    size_t pixels = (size_t)height * (size_t)width;
    float *result = memory(pixels * sizeof *result);
    resize_bilinear(source.grey, source.height, source.width, result, height, width);
    printf("%d %d\n", height, width);
    fwrite(result, sizeof *result, pixels, stdout);
    free(result);
    free(source.grey);
    return 0;
}
