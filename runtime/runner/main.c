/* SPDX-License-Identifier: Apache-2.0 */
/* biisnet-run: the model, an image in, a mask out. Statically linked, so that a board needs nothing else. */
#include <math.h>
#include <stdio.h>

#include "answer.h"
#include "describe.h"
#include "fail.h"
#include "file.h"
#include "frames.h"
#include "grey.h"
#include "image.h"
#include "measure.h"
#include "options.h"
#include "probe.h"
#include "resize.h"
#include "results.h"
#include "session.h"
#include "tiles.h"

typedef struct {
    int height, width;
} plane;

/* The last two dimensions of a tensor that is one plane; fails for others. */
static plane plane_of(const char *name, int rank, const int64_t *shape) {
    bool good = rank >= 2;
    for (int i = 0; i < rank - 2; i++) good = good && shape[i] == 1;
    if (!good || !image_size_allowed((uint64_t)shape[rank - 2], (uint64_t)shape[rank - 1]))
        fail("tensor %s of the model is not one image plane; use the library instead", name);
    return (plane){(int)shape[rank - 2], (int)shape[rank - 1]};
}

/* One inference, measured if that is asked for; at least one, so that there is a result. */
static void infer(session *s, const options *o, double load) {
    if (o->bench) measure_time(s, o, load);
    if (o->roi) measure_region(s);
    if (o->stages) measure_stages(s, o);
    if (!o->bench && !o->roi) session_run(s);
}

/* Gives the model a frame in its own resolution: bytes of its size as they are, where it takes such. */
static void give(session *s, image *frame, plane in) {
    if (frame->bytes && frame->height == in.height && frame->width == in.width && session_give_bytes(s, frame->bytes))
        return;
    image_floats(frame);
    resize_bilinear(frame->grey, frame->height, frame->width, s->levels, in.height, in.width);
    session_give(s);
}

/* Replaces the frame's pixels by the output's values, in the model's resolution; integers stay integers. */
static void run_resized(session *s, const options *o, double load, image *frame, plane in, plane out) {
    give(s, frame, in);
    infer(s, o, load);
    session_take(s);
    size_t pixels = (size_t)frame->height * (size_t)frame->width;
    if (!frame->grey) frame->grey = memory(pixels * sizeof *frame->grey);
    resize_bilinear(s->values, out.height, out.width, frame->grey, frame->height, frame->width);
    bool is_resized = frame->height != out.height || frame->width != out.width;
    if (is_resized && biisnet_output_dtype(0) != BIISNET_FLOAT32)
        for (size_t i = 0; i < pixels; i++) frame->grey[i] = rintf(frame->grey[i]);
}

static bool is_measured(const options *o) { return o->bench || o->roi || o->stages; }

/* Only times a model, whatever its outputs are. */
static void measure(const options *o) {
    if (o->targets || o->mask || o->probability || o->tile)
        fail("the model is for %s: it can be timed, and finds no targets", task_name(biisnet_model_task()));
    if (biisnet_input_count() != 1) fail("the model has not one input; use the library instead");
    plane in = plane_of(biisnet_input_name(0), biisnet_input_rank(0), biisnet_input_shape(0));
    frames f = frames_open(o);
    if (frames_are_many(&f)) fail("%s: is more than one image; this is for one at a time", o->image);
    image frame;
    frames_next(&f, &frame);
    double start = milliseconds();
    session s = session_open(o->threads, o->stages > 0);
    double load = milliseconds() - start;
    give(&s, &frame, in);
    infer(&s, o, load);
    image_free(&frame);
    session_close(&s);
    frames_close(&f);
}

static void process(const options *o) {
    if (biisnet_model_task() != BIISNET_TASK_DETECTION)
        fail("the model is for %s, and this finds targets; use the library, or --bench to time it",
             task_name(biisnet_model_task()));
    plane in = plane_of(biisnet_input_name(0), biisnet_input_rank(0), biisnet_input_shape(0));
    plane out = plane_of(biisnet_output_name(0), biisnet_output_rank(0), biisnet_output_shape(0));
    results_check(o);
    answer a = answer_of_model();
    bool measured = is_measured(o);
    if (o->tile && measured) fail("--tile: what is measured is one run of the model; leave it out");
    if (o->tile) tiles_check(in.height, in.width);
    frames f = frames_open(o);
    if (frames_are_many(&f) && (measured || o->mask || o->probability))
        fail("%s: is more than one image; this is for one at a time", o->image);
    image frame;
    bool more = frames_next(&f, &frame); /* what is wrong with it is said before anything is made */

    double start = milliseconds();
    session s = session_open(o->threads, o->stages > 0);
    double load = milliseconds() - start;
    if (o->targets) results_head();
    for (; more; more = frames_next(&f, &frame)) {
        if (o->tile)
            tiles_run(&s, &frame, in.height, in.width);
        else
            run_resized(&s, o, load, &frame, in, out);
        long targets = results_write(o, frame.grey, frame.height, frame.width, &a);
        if (o->targets)
            results_targets(f.name, frame.grey, frame.height, frame.width, &a);
        else if (!o->bench && !o->stages && !o->mask && !o->probability)
            printf("%s: %ld of %ld pixels are target\n", f.name, targets, (long)frame.height * frame.width);
        fflush(stdout); /* who reads it may wait for this frame */
        image_free(&frame);
    }
    session_close(&s);
    frames_close(&f);
}

int main(int count, char **arguments) {
    options o = options_parse(count, arguments);
    o.levels.whole = biisnet_input_dtype(0) != BIISNET_FLOAT32;
    if (biisnet_abi_version() != BIISNET_ABI_VERSION) fail("was linked with another library; build it again");
    if (o.help) {
        options_help();
    } else if (o.version) {
        printf("biisnet-run, ABI %d, model %s\n", BIISNET_ABI_VERSION, biisnet_model_name());
    } else if (o.info) {
        print_info();
    } else if (o.probe) {
        session s = session_open(o.threads, true);
        probe_serve(&s);
        session_close(&s);
    } else if (is_measured(&o) && biisnet_model_task() != BIISNET_TASK_DETECTION) {
        measure(&o);
    } else {
        process(&o);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) fail("standard output cannot be written; check where it goes");
    return 0;
}
