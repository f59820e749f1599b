/* SPDX-License-Identifier: Apache-2.0 */
/* biisnet-run: the model, an image in, its answer out. Statically linked, so that a board needs nothing else. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"
#include "classify.h"
#include "describe.h"
#include "detect.h"
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
#include "values.h"
#include "vote.h"

/* The frames that the model takes, [1, C, H, W]; fails for others. */
static extent frame_of_model(void) {
    const int64_t *shape = biisnet_input_shape(0);
    if (biisnet_input_count() != 1) fail("the model has not one input; use the library instead");
    if (biisnet_input_rank(0) != 4 || shape[0] != 1 || biisnet_input_meaning(0) != BIISNET_MEANING_IMAGE ||
        !image_size_allowed((uint64_t)shape[2], (uint64_t)shape[3]))
        fail("tensor %s of the model is not one image; use the library instead", biisnet_input_name(0));
    return (extent){(int)shape[1], (int)shape[2], (int)shape[3]};
}

/* An output of the model as planes: its last two dimensions, or all of it in one row. */
static extent values_of_model(int output) {
    const int64_t *shape = biisnet_output_shape(output);
    int rank = biisnet_output_rank(output);
    int64_t channels = 1, count = 1;
    for (int i = 0; i < rank; i++) count *= shape[i];
    for (int i = 0; i < rank - 2; i++) channels *= shape[i];
    if (count > INT32_MAX) fail("output %s is too large; use the library instead", biisnet_output_name(output));
    return rank > 2 ? (extent){(int)channels, (int)shape[rank - 2], (int)shape[rank - 1]} : (extent){1, 1, (int)count};
}

/* One inference, measured if that is asked for; at least one, so that there is a result. */
static void infer(session *s, const options *o, double load) {
    if (o->bench) measure_time(s, o, load);
    if (o->roi) measure_region(s);
    if (o->stages) measure_stages(s, o);
    if (!o->bench && !o->roi) session_run(s);
}

/* Gives the model a frame in its own resolution: bytes of its size as they are, where it takes such. */
static void give(session *s, image *frame, extent in) {
    if (frame->bytes && frame->height == in.height && frame->width == in.width && session_give_bytes(s, frame->bytes))
        return;
    image_floats(frame);
    size_t from = (size_t)frame->height * (size_t)frame->width, to = (size_t)in.height * (size_t)in.width;
    for (int c = 0; c < in.channels; c++)
        resize_bilinear(frame->grey + (size_t)c * from, frame->height, frame->width, s->levels + (size_t)c * to,
                        in.height, in.width);
    session_give(s);
}

/* Replaces the frame's pixels by the output's values, in the model's resolution; integers stay integers. */
static void run_resized(session *s, const options *o, double load, image *frame, extent in, extent out) {
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

/* Fails where options are of another task. */
static void check_task(const options *o, biisnet_task task) {
    bool detects = task == BIISNET_TASK_DETECTION, classifies = task == BIISNET_TASK_CLASSIFICATION;
    if (!detects && (o->targets || o->mask || o->probability || o->tile || o->vote.frames || o->threshold >= 0))
        fail("the model is for %s, and finds no targets; leave out what is of detection, see --help", task_name(task));
    if (o->output >= biisnet_output_count())
        fail("--output %d: the model has %d", o->output + 1, biisnet_output_count());
    if (detects && o->values) fail("the model is for detection; give --probability or --mask instead of --values");
    if (!classifies && (o->top || o->labels))
        fail("the model is for %s, and --top and --labels are for classification", task_name(task));
}

/* One inference a frame of a model that finds no targets: classes, or values. */
static void answer_frames(const options *o) {
    extent in = frame_of_model(), whole = values_of_model(o->output);
    bool classifies = biisnet_model_task() == BIISNET_TASK_CLASSIFICATION, measured = is_measured(o);
    int count = whole.channels * whole.height * whole.width;
    values_check(o, classifies ? (extent){1, 1, count} : whole);
    classes c = {0};
    if (classifies) c = classes_open(o, count);
    frames f = frames_open(o);
    if (frames_are_many(&f) && (measured || o->values))
        fail("%s: is more than one image; this is for one at a time", o->image);
    image frame;
    bool more = frames_next(&f, &frame);
    double start = milliseconds();
    session s = session_open(o->threads, o->stages > 0, o->output);
    double load = milliseconds() - start;
    if (classifies && !measured) classes_head();
    for (; more; more = frames_next(&f, &frame)) {
        give(&s, &frame, in);
        infer(&s, o, load);
        session_take(&s);
        extent size = classifies ? (extent){1, 1, count} : whole;
        float *values = s.values;
        if (!classifies) values = values_of_frame(s.values, in, &size, frame.height, frame.width);
        if (o->values) values_write(o, values, size);
        if (classifies && !measured) classes_print(&c, f.name, values);
        if (!classifies && !measured && !o->values)
            printf("%s: %d x %d x %d values\n", f.name, size.channels, size.height, size.width);
        if (!classifies) free(values);
        fflush(stdout); /* who reads it may wait for this frame */
        image_free(&frame);
    }
    session_close(&s);
    frames_close(&f);
    classes_close(&c);
}

/* A frame's detections that are reported; *found is the caller's to free. */
static size_t find(const image *frame, const answer *a, voter *v, target **found) {
    size_t count = detect(frame->grey, frame->height, frame->width, a, found);
    return v->rule.frames ? voter_see(v, *found, count) : count;
}

static long pixels_of(const target *found, size_t count) {
    long pixels = 0;
    for (size_t i = 0; i < count; i++) pixels += found[i].pixels;
    return pixels;
}

/* Fails where a frame is not of the size of those before it, which is in `size` from the first one on. */
static void check_size(const frames *f, const image *frame, extent *size) {
    if (size->height && (frame->height != size->height || frame->width != size->width))
        fail("%s: is %dx%d, the frame before it %dx%d; --vote compares places, give frames of one size", f->name,
             frame->height, frame->width, size->height, size->width);
    *size = (extent){1, frame->height, frame->width};
}

static void detect_frames(const options *o) {
    extent in = frame_of_model(), out = values_of_model(0); /* one plane each, or it were no detection */
    results_check(o);
    answer a = answer_of_model();
    if (o->threshold >= 0) a.threshold = answer_value(&a, o->threshold);
    bool measured = is_measured(o);
    if (o->tile && measured) fail("--tile: what is measured is one run of the model; leave it out");
    if (o->tile) tiles_check(in.height, in.width);
    frames f = frames_open(o);
    if (frames_are_many(&f) && (measured || o->mask || o->probability))
        fail("%s: is more than one image; this is for one at a time", o->image);
    if (o->vote.frames && !frames_are_many(&f))
        fail("%s: is one frame; --vote is for streams: a folder, or raw frames on standard input", o->image);
    voter v = {.rule = o->vote};
    extent size = {0};
    image frame;
    bool more = frames_next(&f, &frame); /* what is wrong with it is said before anything is made */

    double start = milliseconds();
    session s = session_open(o->threads, o->stages > 0, o->output);
    double load = milliseconds() - start;
    if (o->targets) results_head();
    for (; more; more = frames_next(&f, &frame)) {
        if (o->vote.frames) check_size(&f, &frame, &size);
        if (o->tile)
            tiles_run(&s, &frame, in.height, in.width);
        else
            run_resized(&s, o, load, &frame, in, out);
        long targets = results_write(o, frame.grey, frame.height, frame.width, &a);
        target *found = NULL;
        size_t count = o->targets || o->vote.frames ? find(&frame, &a, &v, &found) : 0;
        if (o->vote.frames) targets = pixels_of(found, count);
        if (o->targets)
            results_targets(f.name, found, count);
        else if (!o->bench && !o->stages && !o->mask && !o->probability)
            printf("%s: %ld of %ld pixels are target\n", f.name, targets, (long)frame.height * frame.width);
        fflush(stdout); /* who reads it may wait for this frame */
        free(found);
        image_free(&frame);
    }
    voter_close(&v);
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
        session s = session_open(o.threads, true, 0);
        probe_serve(&s);
        session_close(&s);
    } else {
        check_task(&o, biisnet_model_task());
        if (biisnet_input_rank(0) == 4) o.channels = (int)biisnet_input_shape(0)[1];
        if (biisnet_model_task() == BIISNET_TASK_DETECTION)
            detect_frames(&o);
        else
            answer_frames(&o);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) fail("standard output cannot be written; check where it goes");
    return 0;
}
