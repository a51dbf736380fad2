/* The hot loops over pixels. `kernels.py` calls them by ctypes and holds a numpy twin of each, with the same
 * results to the last bit: so every sum here is taken in a fixed order, multiplications and additions are never
 * fused (-ffp-contract=off), and all else is integer arithmetic.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Raised whenever a function here takes other arguments: `kernels.py` calls no library of another version. */
#define VERSION 3

#define GREY_SIDE 32
#define COEFFICIENT_BITS 22
#define COARSE 11

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

int32_t kernels_version(void)
{
    return VERSION;
}

/* target[x] += weight * source[x] */
WIDE static void add_weighted(float *restrict target, const float *restrict source, float weight, ptrdiff_t length)
{
    for (ptrdiff_t x = 0; x < length; x++)
        target[x] = target[x] + weight * source[x];
}

WIDE static void widen(float *restrict target, const uint8_t *restrict source, ptrdiff_t length)
{
    for (ptrdiff_t x = 0; x < length; x++)
        target[x] = (float)source[x];
}

/* Grey as Pillow makes it of RGB: ITU-R 601-2, rounded; 0-255. */
WIDE static void make_grey(int16_t *restrict grey, const uint8_t *restrict rgb, ptrdiff_t width)
{
    for (ptrdiff_t x = 0; x < width; x++)
        grey[x] = (int16_t)((rgb[3 * x] * 19595u + rgb[3 * x + 1] * 38470u + rgb[3 * x + 2] * 7471u + 0x8000u) >> 16);
}

/* A tap is cut into its high part and its low COARSE bits: the sums of both fit into 32 bits, and processors multiply
 * and add pairs of 16 bits in one step. */
WIDE static int32_t sum_products(const int16_t *restrict values, const int16_t *restrict high,
                                 const int16_t *restrict low, ptrdiff_t length)
{
    int32_t coarse = 0, fine = 0;
    for (ptrdiff_t x = 0; x < length; x++)
        coarse += (int32_t)values[x] * high[x];
    for (ptrdiff_t x = 0; x < length; x++)
        fine += (int32_t)values[x] * low[x];
    return coarse * (1 << COARSE) + fine + (1 << (COEFFICIENT_BITS - 1));
}

static uint8_t clip(int32_t sum)
{
    int32_t value = sum >> COEFFICIENT_BITS;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* target[x] += weight * source[x], in integers */
WIDE static void add_weighted_grey(int32_t *restrict target, const int16_t *restrict source, int32_t weight,
                                   ptrdiff_t length)
{
    for (ptrdiff_t x = 0; x < length; x++)
        target[x] += weight * source[x];
}

/* One luma row of sums, along the tents: `sides` values. */
static void reduce_row(const float *restrict row, int64_t width, int64_t sides, const float *tents, int64_t reach,
                       const int32_t *starts, const int32_t *lengths, float *restrict out, float *restrict luma)
{
    for (int64_t x = 0; x < width; x++)
        luma[x] = (row[3 * x] * 0.299f + row[3 * x + 1] * 0.587f) + row[3 * x + 2] * 0.114f;
    for (int64_t i = 0; i < sides; i++) {
        float sum = 0.0f;
        for (int64_t k = 0; k < lengths[i]; k++)
            sum = sum + tents[i * reach + k] * luma[starts[i] + k];
        out[i] = sum;
    }
}

/* One pass over the pixels.
 * rgb:     height x width x 3
 * sums:    overlap x (width * 3), zero: where the outputs that a pixel row counts for are summed up; no more than
 *          `overlap` tents cover one row, so that output i has the place i % overlap
 * down_*:  sides tents of `down_reach` weights; tent i begins at pixel row down_starts[i]
 * across_*: the same along a row
 * small:   sides x sides: the luma picture
 * strips:  height x 32: each row of the grey picture, resampled to 32 pixels by the taps; NULL for a tall picture
 * columns: 32 x width, each set to half of the fixed point: the grey picture, resampled to 32 rows by the taps and
 *          not yet clipped; NULL for any other
 * high, low: 32 rows of `span` integer weights in two parts; tap j begins at pixel firsts[j] and is counts[j] long;
 *          span 0: there are 32 pixels already, taken as they are
 * wide:    width * 3 floats, grey: width numbers: scratch
 */
void reduce_rows(const uint8_t *rgb, int64_t height, int64_t width, int64_t sides, int64_t overlap, float *sums,
                 const float *down, int64_t down_reach, const int32_t *down_starts, const int32_t *down_lengths,
                 const float *across, int64_t across_reach, const int32_t *across_starts,
                 const int32_t *across_lengths, float *small, uint8_t *strips, int32_t *columns, const int16_t *high,
                 const int16_t *low, int64_t span, const int32_t *firsts, const int32_t *counts, float *wide,
                 int16_t *grey)
{
    int64_t first = 0, first_tap = 0;
    for (int64_t y = 0; y < height; y++) {
        const uint8_t *row = rgb + y * width * 3;
        widen(wide, row, width * 3);
        for (int64_t i = first; i < sides && down_starts[i] <= y; i++)
            if (y < down_starts[i] + down_lengths[i])
                add_weighted(sums + (i % overlap) * width * 3, wide, down[i * down_reach + (y - down_starts[i])],
                             width * 3);
        for (; first < sides && down_starts[first] + down_lengths[first] <= y + 1; first++) {
            float *done = sums + (first % overlap) * width * 3;
            reduce_row(done, width, sides, across, across_reach, across_starts, across_lengths, small + first * sides,
                       wide);
            memset(done, 0, (size_t)width * 3 * sizeof(float));
        }
        make_grey(grey, row, width);
        if (columns) {
            while (first_tap < GREY_SIDE && firsts[first_tap] + counts[first_tap] <= y)
                first_tap++;
            for (int64_t j = first_tap; j < GREY_SIDE && firsts[j] <= y; j++)
                if (y < firsts[j] + counts[j])
                    {
                    int64_t place = j * span + (y - firsts[j]);
                    add_weighted_grey(columns + j * width, grey, high[place] * (1 << COARSE) + low[place], width);
                }
        } else {
            uint8_t *strip = strips + y * GREY_SIDE;
            for (int64_t j = 0; j < GREY_SIDE; j++)
                strip[j] = span ? clip(sum_products(grey + firsts[j], high + j * span, low + j * span, counts[j]))
                                : (uint8_t)grey[j];
        }
    }
}

/* strips: height x 32 → out: 32 x 32, resampled along the columns. */
void reduce_strips(const uint8_t *strips, const int16_t *high, const int16_t *low, int64_t span,
                   const int32_t *firsts, const int32_t *counts, uint8_t *out)
{
    for (int64_t i = 0; i < GREY_SIDE; i++) {
        int32_t sums[GREY_SIDE];
        for (int64_t j = 0; j < GREY_SIDE; j++)
            sums[j] = 1 << (COEFFICIENT_BITS - 1);
        for (int64_t k = 0; k < counts[i]; k++) {
            const uint8_t *strip = strips + (firsts[i] + k) * GREY_SIDE;
            int32_t tap = high[i * span + k] * (1 << COARSE) + low[i * span + k];
            for (int64_t j = 0; j < GREY_SIDE; j++)
                sums[j] += strip[j] * tap;
        }
        for (int64_t j = 0; j < GREY_SIDE; j++)
            out[i * GREY_SIDE + j] = clip(sums[j]);
    }
}

/* columns: 32 x width → out: 32 x 32, clipped and then resampled along the rows. */
void reduce_clipped(const int32_t *columns, int64_t width, const int16_t *high, const int16_t *low, int64_t span,
                    const int32_t *firsts, const int32_t *counts, uint8_t *out, int16_t *row)
{
    for (int64_t i = 0; i < GREY_SIDE; i++) {
        for (int64_t x = 0; x < width; x++)
            row[x] = clip(columns[i * width + x]);
        for (int64_t j = 0; j < GREY_SIDE; j++)
            out[i * GREY_SIDE + j] = span ? clip(sum_products(row + firsts[j], high + j * span, low + j * span,
                                                              counts[j]))
                                          : (uint8_t)row[j];
    }
}

/* target[i] += source[i] */
WIDE static void add_row(uint32_t *restrict target, const uint8_t *restrict source, ptrdiff_t length)
{
    for (ptrdiff_t i = 0; i < length; i++)
        target[i] += source[i];
}

/* Blocks of 2 x 2, all whole: `sums` takes both rows, and out one row. */
WIDE static void mean_pairs(const uint8_t *restrict upper, const uint8_t *restrict lower, uint16_t *restrict sums,
                            uint8_t *restrict out, ptrdiff_t columns)
{
    for (ptrdiff_t i = 0; i < columns * 6; i++)
        sums[i] = (uint16_t)(upper[i] + lower[i]);
    for (ptrdiff_t x = 0; x < columns; x++)
        for (ptrdiff_t c = 0; c < 3; c++)
            out[3 * x + c] = (uint8_t)((sums[6 * x + c] + sums[6 * x + 3 + c] + 2) >> 2);
}

/* rgb: height x width x 3 → out: ceil(height / factor) x ceil(width / factor) x 3, each the rounded mean of its block;
 * blocks at the right and lower edge may be smaller. factor is at least 2; sums: width * 3 numbers: scratch */
void mean_blocks(const uint8_t *rgb, int64_t height, int64_t width, int64_t factor, uint8_t *out, uint32_t *sums)
{
    int64_t columns = (width + factor - 1) / factor, whole = width / factor;
    for (int64_t top = 0; top < height; top += factor, out += columns * 3) {
        const uint8_t *row = rgb + top * width * 3;
        int64_t rows = height - top < factor ? height - top : factor, first = 0;
        if (factor == 2 && rows == 2) {
            mean_pairs(row, row + width * 3, (uint16_t *)sums, out, whole);
            first = whole;
        }
        if (first == columns)
            continue;
        memset(sums + first * factor * 3, 0, (size_t)(width - first * factor) * 3 * sizeof *sums);
        for (int64_t y = 0; y < rows; y++)
            add_row(sums + first * factor * 3, row + (y * width + first * factor) * 3, (width - first * factor) * 3);
        for (int64_t x = first; x < columns; x++) {
            int64_t wide = width - x * factor < factor ? width - x * factor : factor;
            uint32_t count = (uint32_t)(rows * wide);
            for (int64_t c = 0; c < 3; c++) {
                uint32_t sum = count / 2;
                for (int64_t k = 0; k < wide; k++)
                    sum += sums[(x * factor + k) * 3 + c];
                out[3 * x + c] = (uint8_t)(sum / count);
            }
        }
    }
}
