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

static void print_tensor(const char *name, int rank, const int64_t *shape, uint64_t offset) {
    fputs("{\"name\": ", stdout);
    print_string(name);
    fputs(", \"dtype\": \"float32\", \"shape\": [", stdout);
    for (int i = 0; i < rank; i++) printf("%s%" PRId64, i ? ", " : "", shape[i]);
    printf("], \"offset\": %" PRIu64 "}", offset);
}

void print_info(void) {
    session_layout layout = session_plan(true);
    printf("{\"abi\": %" PRIu32 ", \"model\": ", biisnet_abi_version());
    print_string(biisnet_model_name());
    printf(", \"threshold\": %.9g, \"arena_bytes\": %" PRIu64 ", \"inputs\": [", (double)biisnet_threshold(),
           biisnet_arena_bytes(1));
    for (int i = 0; i < biisnet_input_count(); i++) {
        if (i) fputs(", ", stdout);
        print_tensor(biisnet_input_name(i), biisnet_input_rank(i), biisnet_input_shape(i),
                     layout.input_offset[i]);
    }
    fputs("], \"outputs\": [", stdout);
    for (int i = 0; i < biisnet_output_count(); i++) {
        if (i) fputs(", ", stdout);
        print_tensor(biisnet_output_name(i), biisnet_output_rank(i), biisnet_output_shape(i),
                     layout.output_offset[i]);
    }
    fputs("], \"stages\": [", stdout);
    for (int i = 0; i < biisnet_stage_count(); i++) {
        fputs(i ? ", {\"name\": " : "{\"name\": ", stdout);
        print_string(biisnet_stage_name(i));
        printf(", \"params_bytes\": %" PRIu64 "}", biisnet_stage_params_bytes(i));
    }
    puts("]}");
}
