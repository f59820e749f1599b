/* SPDX-License-Identifier: Apache-2.0 */
/* components MAP.f32 HEIGHT WIDTH THRESHOLD: what the runner's detect() finds, a line a target. */
#include <stdio.h>
#include <stdlib.h>

#include "detect.h"
#include "file.h"

int main(int count, char **arguments) {
    if (count != 5) return 1;
    size_t bytes;
    float *map = (float *)(void *)file_read(arguments[1], &bytes);
    target *found;
    size_t targets = detect(map, atoi(arguments[2]), atoi(arguments[3]), strtof(arguments[4], NULL), &found);
    for (size_t i = 0; i < targets; i++)
        printf("%d %d %d %d %.17g %.17g %.9g %ld\n", found[i].top, found[i].left, found[i].height, found[i].width,
               found[i].row, found[i].column, (double)found[i].score, found[i].pixels);
    free(found);
    free(map);
    return 0;
}
