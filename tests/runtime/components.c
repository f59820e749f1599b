/* SPDX-License-Identifier: Apache-2.0 */
/* components MAP.f32 HEIGHT WIDTH THRESHOLD SLOPE OFFSET [SCALE]: what the runner's detect() finds, a line a target; with a
 * scale of logits in whole numbers. */
#include <stdio.h>
#include <stdlib.h>

#include "detect.h"
#include "file.h"

int main(int count, char **arguments) {
    if (count != 7 && count != 8) return 1;
    size_t bytes;
    float *map = (float *)(void *)file_read(arguments[1], &bytes);
    answer a = {.meaning = BIISNET_MEANING_PROBABILITY, .threshold = strtof(arguments[4], NULL),
                .slope = strtod(arguments[5], NULL), .offset = strtod(arguments[6], NULL)};
    if (count == 8) a.meaning = BIISNET_MEANING_LOGIT, a.is_whole = true, a.scale = strtod(arguments[7], NULL);
    target *found;
    size_t targets = detect(map, atoi(arguments[2]), atoi(arguments[3]), &a, &found);
    for (size_t i = 0; i < targets; i++)
        printf("%d %d %d %d %.17g %.17g %.9g %ld\n", found[i].top, found[i].left, found[i].height, found[i].width,
               found[i].row, found[i].column, (double)found[i].score, found[i].pixels);
    free(found);
    free(map);
    return 0;
}
