/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of any size, tile by tile, with the result of a model as large as the frame. */
#ifndef BIISNET_RUN_TILES_H
#define BIISNET_RUN_TILES_H

#include "grey.h"
#include "session.h"

/* Fails unless the model can work in tiles of height x width. */
void tiles_check(int height, int width);

/* Replaces the frame's pixels by the output's values: runs the session on tiles of height x width and takes each pixel
 * from a tile in whose inside it is. The last tile of an axis may reach past the frame, whose edge is repeated there.
 * Equal bit for bit to tiles.py. */
void tiles_run(session *s, image *frame, int height, int width);

#endif
