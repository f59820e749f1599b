/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "describe.h"
#include "session.h"

void print_string(const char *text) {
    putchar('"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

const char *task_name(biisnet_task task) {
    switch (task) {
        case BIISNET_TASK_MAP: return "map";
        case BIISNET_TASK_DETECTION: return "detection";
        case BIISNET_TASK_SEGMENTATION: return "segmentation";
        case BIISNET_TASK_CLASSIFICATION: return "classification";
    }
    return "unknown";
}

static const char *dtype_name(biisnet_dtype dtype) {
    switch (dtype) {
        case BIISNET_FLOAT32: return "float32";
        case BIISNET_UINT8: return "uint8";
        case BIISNET_UINT16: return "uint16";
        case BIISNET_INT16: return "int16";
    }
    return "unknown";
}

static const char *meaning_name(biisnet_meaning meaning) {
    switch (meaning) {
        case BIISNET_MEANING_MAP: return "map";
        case BIISNET_MEANING_IMAGE: return "image";
        case BIISNET_MEANING_PROBABILITY: return "probability";
        case BIISNET_MEANING_SCORES: return "scores";
        case BIISNET_MEANING_LOGIT: return "logit";
    }
    return "unknown";
}

/* Of an input or an output, by the functions that tell of it. */
typedef struct {
    int32_t count;
    const char *(*name)(int32_t);
    biisnet_dtype (*dtype)(int32_t);
    biisnet_meaning (*meaning)(int32_t);
    double (*scale)(int32_t); /* NULL: of inputs */
    int32_t (*rank)(int32_t);
    const int64_t *(*shape)(int32_t);
    const uint64_t *offset;
} tensors;

static void print_tensors(const char *key, const tensors *t) {
    printf(", \"%s\": [", key);
    for (int i = 0; i < t->count; i++) {
        fputs(i ? ", {\"name\": " : "{\"name\": ", stdout);
        print_string(t->name(i));
        printf(", \"dtype\": \"%s\", \"shape\": [", dtype_name(t->dtype(i)));
        for (int k = 0; k < t->rank(i); k++) printf("%s%" PRId64, k ? ", " : "", t->shape(i)[k]);
        printf("], \"meaning\": \"%s\"", meaning_name(t->meaning(i)));
        if (t->scale) printf(", \"scale\": %.17g", t->scale(i));
        printf(", \"offset\": %" PRIu64 "}", t->offset[i]);
    }
    putchar(']');
}

void print_info(void) {
    session_layout layout = session_plan(true);
    printf("{\"abi\": %" PRIu32 ", \"model\": ", biisnet_abi_version());
    print_string(biisnet_model_name());
    printf(", \"sha256\": \"%s\", \"task\": \"%s\", \"threshold\": %.9g", biisnet_model_sha256(),
           task_name(biisnet_model_task()), (double)biisnet_threshold());
    printf(", \"scores\": {\"slope\": %.17g, \"offset\": %.17g}, \"arena_bytes\": %" PRIu64, biisnet_score_slope(),
           biisnet_score_offset(), biisnet_arena_bytes(1));
    print_tensors("inputs", &(tensors){biisnet_input_count(), biisnet_input_name, biisnet_input_dtype,
                                       biisnet_input_meaning, NULL, biisnet_input_rank, biisnet_input_shape,
                                       layout.input_offset});
    print_tensors("outputs", &(tensors){biisnet_output_count(), biisnet_output_name, biisnet_output_dtype,
                                        biisnet_output_meaning, biisnet_output_scale, biisnet_output_rank,
                                        biisnet_output_shape, layout.output_offset});
    fputs(", \"stages\": [", stdout);
    for (int i = 0; i < biisnet_stage_count(); i++) {
        fputs(i ? ", {\"name\": " : "{\"name\": ", stdout);
        print_string(biisnet_stage_name(i));
        printf(", \"params_bytes\": %" PRIu64 "}", biisnet_stage_params_bytes(i));
    }
    puts("]}");
}
