/* The hot loops over pixels, and over hashes that lie near each other. `kernels.py` and `near_kernels.py` call them by
 * ctypes and hold a numpy twin of each, with the same results to the last bit: so every sum here is taken in a fixed
 * order, multiplications and additions are never fused (-ffp-contract=off), and all else is integer arithmetic.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

/* Raised whenever a function here takes other arguments: `kernels.py` calls no library of another version. */
#define VERSION 6

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
WIDE static void add_weighted(float *restrict target, float weight, const float *restrict source, ptrdiff_t length)
{
    for (ptrdiff_t x = 0; x < length; x++)
        target[x] = target[x] + weight * source[x];
}

/* The same of one row for two sums. */
WIDE static void add_weighted_twice(float *restrict target, float weight, float *restrict other, float other_weight,
                                    const float *restrict source, ptrdiff_t length)
{
    for (ptrdiff_t x = 0; x < length; x++) {
        target[x] = target[x] + weight * source[x];
        other[x] = other[x] + other_weight * source[x];
    }
}

/* Grey as Pillow makes it of RGB: ITU-R 601-2, rounded; 0-255. */
#define RED 19595
#define GREEN 38470
#define BLUE 7471
#define HALF 0x8000

/* Luma as PDQ has it, 0.299 R + 0.587 G + 0.114 B, times LUMA_SCALE: whole numbers that a float holds exactly. */
#define LUMA_SCALE 65000.0f
#define LUMA_RED 19435
#define LUMA_GREEN 38155
#define LUMA_BLUE 7410

static void mix_colours_from(ptrdiff_t x, int16_t *restrict grey, float *restrict luma, const uint8_t *restrict rgb,
                             ptrdiff_t width)
{
    for (; x < width; x++) {
        int32_t red = rgb[3 * x], green = rgb[3 * x + 1], blue = rgb[3 * x + 2];
        grey[x] = (int16_t)((red * RED + green * GREEN + blue * BLUE + HALF) >> 16);
        luma[x] = (float)(red * LUMA_RED + green * LUMA_GREEN + blue * LUMA_BLUE);
    }
}

#if defined(__x86_64__) && defined(__GNUC__)
/* Compilers do not see through the three channels: 16 pixels a step, as pairs (red, a half of green) and (the other
 * half, blue), since a number of 16 bits is too small for all of green. */
__attribute__((target("avx2"))) static void mix_colours_wide(int16_t *restrict grey, float *restrict luma,
                                                             const uint8_t *restrict rgb, ptrdiff_t width)
{
    const __m256i red_green = _mm256_setr_epi8(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1,
                                               0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1);
    const __m256i green_blue = _mm256_setr_epi8(1, -1, 2, -1, 4, -1, 5, -1, 7, -1, 8, -1, 10, -1, 11, -1,
                                                1, -1, 2, -1, 4, -1, 5, -1, 7, -1, 8, -1, 10, -1, 11, -1);
    const __m256i first = _mm256_set1_epi32(RED | GREEN / 2 << 16), second = _mm256_set1_epi32(GREEN / 2 | BLUE << 16);
    const __m256i luma_first = _mm256_set1_epi32(LUMA_RED | LUMA_GREEN / 2 << 16);
    const __m256i luma_second = _mm256_set1_epi32((LUMA_GREEN - LUMA_GREEN / 2) | LUMA_BLUE << 16);
    const __m256i half = _mm256_set1_epi32(HALF);
    ptrdiff_t x = 0;
    for (; 3 * x + 52 <= 3 * width; x += 16) {
        __m256i sums[2];
        for (int part = 0; part < 2; part++) { /* pixels 0-3 and 8-11, then 4-7 and 12-15: as packing wants them */
            const uint8_t *at = rgb + 3 * x + 12 * part;
            float *out = luma + x + 4 * part;
            __m256i pixels = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)at)),
                                                     _mm_loadu_si128((const __m128i *)(at + 24)), 1);
            __m256i one = _mm256_shuffle_epi8(pixels, red_green), two = _mm256_shuffle_epi8(pixels, green_blue);
            __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(one, first), _mm256_madd_epi16(two, second));
            __m256 light = _mm256_cvtepi32_ps(
                _mm256_add_epi32(_mm256_madd_epi16(one, luma_first), _mm256_madd_epi16(two, luma_second)));
            sums[part] = _mm256_srli_epi32(_mm256_add_epi32(sum, half), 16);
            _mm_storeu_ps(out, _mm256_castps256_ps128(light));
            _mm_storeu_ps(out + 8, _mm256_extractf128_ps(light, 1));
        }
        _mm256_storeu_si256((__m256i *)(grey + x), _mm256_packus_epi32(sums[0], sums[1]));
    }
    mix_colours_from(x, grey, luma, rgb, width);
}

static void mix_colours(int16_t *restrict grey, float *restrict luma, const uint8_t *restrict rgb, ptrdiff_t width)
{
    if (__builtin_cpu_supports("avx2"))
        mix_colours_wide(grey, luma, rgb, width);
    else
        mix_colours_from(0, grey, luma, rgb, width);
}
#else
static void mix_colours(int16_t *restrict grey, float *restrict luma, const uint8_t *restrict rgb, ptrdiff_t width)
{
    mix_colours_from(0, grey, luma, rgb, width);
}
#endif

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

/* The same of four rows that lie `stride` apart: each tap is read once for all of them. */
WIDE static void sum_products_of_four(const int16_t *restrict values, ptrdiff_t stride, const int16_t *restrict high,
                                      const int16_t *restrict low, ptrdiff_t length, int32_t *restrict out)
{
    int32_t coarse[4] = {0}, fine[4] = {0};
    const int16_t *second = values + stride, *third = second + stride, *fourth = third + stride;
    for (ptrdiff_t x = 0; x < length; x++) {
        coarse[0] += (int32_t)values[x] * high[x], fine[0] += (int32_t)values[x] * low[x];
        coarse[1] += (int32_t)second[x] * high[x], fine[1] += (int32_t)second[x] * low[x];
        coarse[2] += (int32_t)third[x] * high[x], fine[2] += (int32_t)third[x] * low[x];
        coarse[3] += (int32_t)fourth[x] * high[x], fine[3] += (int32_t)fourth[x] * low[x];
    }
    for (int row = 0; row < 4; row++)
        out[row] = coarse[row] * (1 << COARSE) + fine[row] + (1 << (COEFFICIENT_BITS - 1));
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

/* One row of sums, along the tents: `sides` values. `row` has `reach` zeros behind its end, and a tent has zeros behind
 * its own, so that four outputs walk in step: each of their sums waits for itself alone. */
static void reduce_row(const float *restrict row, int64_t sides, const float *restrict tents, int64_t reach,
                       const int32_t *restrict starts, float *restrict out)
{
    int64_t i = 0;
    for (; i + 4 <= sides; i += 4) {
        const float *tent = tents + i * reach;
        const float *one = row + starts[i], *two = row + starts[i + 1];
        const float *three = row + starts[i + 2], *four = row + starts[i + 3];
        float sums[4] = {0.0f};
        for (int64_t k = 0; k < reach; k++) {
            sums[0] = sums[0] + tent[k] * one[k];
            sums[1] = sums[1] + tent[reach + k] * two[k];
            sums[2] = sums[2] + tent[2 * reach + k] * three[k];
            sums[3] = sums[3] + tent[3 * reach + k] * four[k];
        }
        for (int64_t j = 0; j < 4; j++)
            out[i + j] = sums[j] / LUMA_SCALE;
    }
    for (; i < sides; i++) {
        float sum = 0.0f;
        for (int64_t k = 0; k < reach; k++)
            sum = sum + tents[i * reach + k] * row[starts[i] + k];
        out[i] = sum / LUMA_SCALE;
    }
}

/* Rows of grey, at most four, each resampled to 32 pixels. */
static void reduce_grey(const int16_t *grey, int64_t rows, int64_t width, const int16_t *high, const int16_t *low,
                        int64_t span, const int32_t *firsts, const int32_t *counts, uint8_t *strips)
{
    for (int64_t j = 0; j < GREY_SIDE; j++) {
        const int16_t *at = grey + (span ? firsts[j] : j), *coarse = high + j * span, *fine = low + j * span;
        int32_t sums[4];
        if (span && rows == 4)
            sum_products_of_four(at, width, coarse, fine, counts[j], sums);
        for (int64_t row = 0; row < rows; row++) {
            if (span && rows < 4)
                sums[row] = sum_products(at + row * width, coarse, fine, counts[j]);
            strips[row * GREY_SIDE + j] = span ? clip(sums[row]) : (uint8_t)at[row * width];
        }
    }
}

/* One pass over the pixels.
 * rgb:     height x width x 3
 * sums:    overlap x (width + across_reach), zero: where the outputs that a pixel row counts for are summed up; no more
 *          than `overlap` tents cover one row, so that output i has the place i % overlap
 * down_*:  sides tents of `down_reach` weights; tent i begins at pixel row down_starts[i]
 * across_*: the same along a row
 * small:   sides x sides: the luma picture
 * strips:  height x 32: each row of the grey picture, resampled to 32 pixels by the taps; NULL for a tall picture
 * columns: 32 x width, each set to half of the fixed point: the grey picture, resampled to 32 rows by the taps and
 *          not yet clipped; NULL for any other
 * high, low: 32 rows of `span` integer weights in two parts; tap j begins at pixel firsts[j] and is counts[j] long;
 *          span 0: there are 32 pixels already, taken as they are
 * luma:    width floats, grey: 4 x width numbers: scratch
 */
void reduce_rows(const uint8_t *rgb, int64_t height, int64_t width, int64_t sides, int64_t overlap, float *sums,
                 const float *down, int64_t down_reach, const int32_t *down_starts, const int32_t *down_lengths,
                 const float *across, int64_t across_reach, const int32_t *across_starts,
                 float *small, uint8_t *strips, int32_t *columns, const int16_t *high,
                 const int16_t *low, int64_t span, const int32_t *firsts, const int32_t *counts, float *luma,
                 int16_t *grey)
{
    int64_t first = 0, first_tap = 0, stride = width + across_reach;
    for (int64_t y = 0; y < height; y++) {
        const uint8_t *row = rgb + y * width * 3;
        float *waiting = NULL, waiting_weight = 0.0f;
        mix_colours(grey + y % 4 * width, luma, row, width);
        for (int64_t i = first; i < sides && down_starts[i] <= y; i++) {
            if (y >= down_starts[i] + down_lengths[i])
                continue;
            float *sum = sums + (i % overlap) * stride, weight = down[i * down_reach + (y - down_starts[i])];
            if (waiting)
                add_weighted_twice(waiting, waiting_weight, sum, weight, luma, width);
            waiting = waiting ? NULL : sum;
            waiting_weight = weight;
        }
        if (waiting)
            add_weighted(waiting, waiting_weight, luma, width);
        for (; first < sides && down_starts[first] + down_lengths[first] <= y + 1; first++) {
            float *done = sums + (first % overlap) * stride;
            reduce_row(done, sides, across, across_reach, across_starts, small + first * sides);
            memset(done, 0, (size_t)width * sizeof(float));
        }
        if (columns) {
            while (first_tap < GREY_SIDE && firsts[first_tap] + counts[first_tap] <= y)
                first_tap++;
            for (int64_t j = first_tap; j < GREY_SIDE && firsts[j] <= y; j++) {
                int64_t place = j * span + (y - firsts[j]);
                if (y < firsts[j] + counts[j])
                    add_weighted_grey(columns + j * width, grey + y % 4 * width,
                                      high[place] * (1 << COARSE) + low[place], width);
            }
        } else if (y % 4 == 3 || y == height - 1) {
            reduce_grey(grey, y % 4 + 1, width, high, low, span, firsts, counts, strips + (y - y % 4) * GREY_SIDE);
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

/* Near search. A hash is `words` numbers of 64 bits under the fixed permutation of `plans.py`; bit 0 is the lowest of
 * the first. A chunk is a run of its bits; for each value of a chunk, `offsets` says where in `ids` the rows of that
 * value stand. All that is read here may lie in a damaged file: ranges are held to the table, whatever they say. */

#define AHEAD 32
#define SCRATCH 4096
#define MOST_WORDS 4
#define INLINE static inline __attribute__((always_inline))

typedef struct {
    const uint64_t *values;    /* rows x words */
    const uint32_t *offsets;   /* of each chunk 2^width + 1, one chunk after the other */
    const uint32_t *ids;       /* chunks x rows */
    const int64_t *starts;     /* of each chunk: its first bit, */
    const int64_t *widths;     /* its bits, */
    const int64_t *radii;      /* in how many of them it may differ, */
    const int64_t *tables;     /* where its offsets begin, */
    const int64_t *mask_ends;  /* and where its masks end */
    const uint32_t *masks;     /* of each chunk: all numbers of `width` bits with at most `radius` ones */
    const uint64_t *turns;     /* (words * 16) x 16 x words: the bits that each hex digit of a hash sets, permuted */
    int64_t rows, words, chunks;
    int64_t ceiling;           /* candidates of one query beyond which every row is compared instead */
} near_table;

INLINE void permute_one(const uint8_t *restrict hash, int64_t words, const uint64_t *restrict turns,
                        uint64_t *restrict out)
{
    uint64_t sum[MOST_WORDS] = {0};
    for (int64_t place = 0; place < words * 8; place++) {
        const uint64_t *high = turns + (place * 32 + (hash[place] >> 4)) * words;
        const uint64_t *low = turns + (place * 32 + 16 + (hash[place] & 15)) * words;
        for (int64_t w = 0; w < words; w++)
            sum[w] |= high[w] | low[w];
    }
    for (int64_t w = 0; w < words; w++)
        out[w] = sum[w];
}

/* hashes: count x (words * 8) bytes → out: count x words */
WIDE void near_permute(const uint8_t *hashes, int64_t count, int64_t words, const uint64_t *turns, uint64_t *out)
{
    if (words == MOST_WORDS)
        for (int64_t i = 0; i < count; i++)
            permute_one(hashes + i * MOST_WORDS * 8, MOST_WORDS, turns, out + i * MOST_WORDS);
    else
        for (int64_t i = 0; i < count; i++)
            permute_one(hashes + i * words * 8, words, turns, out + i * words);
}

INLINE uint32_t cut_chunk(const uint64_t *value, int64_t start, int64_t width)
{
    int64_t word = start >> 6, shift = start & 63;
    uint64_t bits = value[word] >> shift;
    if (shift + width > 64)
        bits |= value[word + 1] << (64 - shift);
    return (uint32_t)(bits & ((1ull << width) - 1));
}

/* Sort the rows by one chunk. offsets: 2^width + 1, zero; ids: rows; both filled, ids of equal chunks rising. */
void near_build(const uint64_t *values, int64_t rows, int64_t words, int64_t start, int64_t width, uint32_t *offsets,
                uint32_t *ids)
{
    int64_t size = (int64_t)1 << width;
    for (int64_t i = 0; i < rows; i++) {
        if (i + AHEAD < rows)
            __builtin_prefetch(offsets + cut_chunk(values + (i + AHEAD) * words, start, width), 1);
        offsets[cut_chunk(values + i * words, start, width)]++;
    }
    uint32_t sum = 0;
    for (int64_t k = 0; k < size; k++) {
        uint32_t count = offsets[k];
        offsets[k] = sum;
        sum += count;
    }
    for (int64_t i = 0; i < rows; i++) {
        if (i + AHEAD < rows)
            __builtin_prefetch(offsets + cut_chunk(values + (i + AHEAD) * words, start, width), 1);
        ids[offsets[cut_chunk(values + i * words, start, width)]++] = (uint32_t)i;
    }
    /* each number is now the end of its rows, which is where the next ones begin */
    memmove(offsets + 1, offsets, (size_t)size * sizeof *offsets);
    offsets[0] = 0;
}

typedef struct {
    uint32_t *out;             /* room x (query, row, distance) */
    int64_t room, found;       /* found counts on when there is no room */
    uint32_t query, radius;
} near_hits;

INLINE void note_hit(near_hits *hits, uint32_t row, uint32_t distance)
{
    if (hits->found < hits->room) {
        uint32_t *place = hits->out + hits->found * 3;
        place[0] = hits->query;
        place[1] = row;
        place[2] = distance;
    }
    hits->found++;
}

INLINE uint32_t differ(const uint64_t *row, const uint64_t *query, int64_t words, uint64_t *bits)
{
    uint32_t distance = 0;
    for (int64_t w = 0; w < words; w++) {
        bits[w] = row[w] ^ query[w];
        distance += (uint32_t)__builtin_popcountll(bits[w]);
    }
    return distance;
}

/* Compare with every row. */
INLINE void scan_rows(const near_table *table, const uint64_t *query, int64_t words, near_hits *hits)
{
    uint64_t bits[MOST_WORDS];
    for (int64_t i = 0; i < table->rows; i++) {
        uint32_t distance = differ(table->values + i * words, query, words, bits);
        if (__builtin_expect(distance <= hits->radius, 0))
            note_hit(hits, (uint32_t)i, distance);
    }
}

/* Compare with candidates of chunk c. What an earlier chunk could see was reported by it. */
INLINE void check_candidates(const near_table *table, const uint64_t *query, int64_t words, int64_t c,
                             const uint32_t *candidates, int64_t count, near_hits *hits)
{
    uint64_t bits[MOST_WORDS];
    for (int64_t j = 0; j < count; j++) {
        uint32_t distance = differ(table->values + (int64_t)candidates[j] * words, query, words, bits);
        if (__builtin_expect(distance > hits->radius, 1))
            continue;
        int is_first = 1;
        for (int64_t e = 0; e < c && is_first; e++)
            is_first = __builtin_popcount(cut_chunk(bits, table->starts[e], table->widths[e])) > table->radii[e];
        if (is_first)
            note_hit(hits, candidates[j], distance);
    }
}

/* Compare with the rows that share a chunk, up to its radius. Returns 0 when there are too many of them. */
INLINE int probe_chunks(const near_table *table, const uint64_t *query, int64_t words, near_hits *hits)
{
    uint32_t firsts[SCRATCH], ends[SCRATCH], candidates[SCRATCH];
    uint32_t rows = (uint32_t)table->rows;
    int64_t left = table->ceiling;
    for (int64_t c = 0; c < table->chunks; c++) {
        const uint32_t *offsets = table->offsets + table->tables[c], *ids = table->ids + c * table->rows;
        int64_t first_mask = c ? table->mask_ends[c - 1] : 0, count = table->mask_ends[c] - first_mask;
        const uint32_t *masks = table->masks + first_mask;
        uint32_t key = cut_chunk(query, table->starts[c], table->widths[c]);
        int64_t ranges = 0, waiting = 0;
        for (int64_t m = 0; m < AHEAD && m < count; m++)
            __builtin_prefetch(offsets + (key ^ masks[m]));
        for (int64_t m = 0; m < count && m < SCRATCH; m++) {
            if (m + AHEAD < count)
                __builtin_prefetch(offsets + (key ^ masks[m + AHEAD]));
            uint32_t first = offsets[key ^ masks[m]], end = offsets[(key ^ masks[m]) + 1];
            end = end < rows ? end : rows;
            firsts[ranges] = first;
            ends[ranges] = end;
            if (first < end) {
                __builtin_prefetch(ids + first);
                left -= end - first;
                ranges++;
            }
        }
        if (left < 0)
            return 0;
        for (int64_t r = 0; r < ranges; r++)
            for (uint32_t j = firsts[r]; j < ends[r]; j++) {
                uint32_t row = ids[j];
                if (row >= rows)
                    continue;
                __builtin_prefetch(table->values + (int64_t)row * words);
                candidates[waiting++] = row;
                if (waiting == SCRATCH) {
                    check_candidates(table, query, words, c, candidates, waiting, hits);
                    waiting = 0;
                }
            }
        check_candidates(table, query, words, c, candidates, waiting, hits);
    }
    return 1;
}

INLINE void search_one(const near_table *table, const uint8_t *hash, int64_t words, int is_flat, near_hits *hits)
{
    uint64_t query[MOST_WORDS];
    int64_t before = hits->found;
    permute_one(hash, words, table->turns, query);
    if (!is_flat && probe_chunks(table, query, words, hits))
        return;
    hits->found = before;
    scan_rows(table, query, words, hits);
}

/* Find all rows within the radius of each query, from query `first` on.
 * queries: count x (words * 8) bytes; is_flat: compare with every row
 * out:     capacity x (query, row, distance); in no order
 * state:   filled with the query to go on with, `count` when all are done, and how many hits that one alone has
 * Returns the number of hits of the queries before that one; those of a query come together or not at all. */
WIDE int64_t near_search(const near_table *table, const uint8_t *queries, int64_t first, int64_t count, int64_t radius,
                         int64_t is_flat, uint32_t *out, int64_t capacity, int64_t *state)
{
    near_hits hits = {out, capacity, 0, 0, (uint32_t)radius};
    state[1] = 0;
    for (int64_t q = first; q < count; q++) {
        int64_t before = hits.found;
        hits.query = (uint32_t)q;
        if (table->words == MOST_WORDS)
            search_one(table, queries + q * MOST_WORDS * 8, MOST_WORDS, is_flat != 0, &hits);
        else
            search_one(table, queries + q * 8, 1, is_flat != 0, &hits);
        if (hits.found > capacity) {
            state[0] = q;
            state[1] = hits.found - before;
            return before;
        }
    }
    state[0] = count;
    return hits.found;
}
