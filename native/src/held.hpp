// Weights held in fewer bytes than the float32 numbers that they meet: float16, bfloat16, and int8 with a scale for
// each row. A step of a stream reads every weight once and does next to nothing with it: half the bytes, nearly half
// the time.
//
// float16 and bfloat16 become float32 exactly, and then the order of sums is the one of tile.hpp: the same bits as
// float32 weights of the same values. With int8 the sum over a block of k is of whole numbers times inputs, and meets
// the scale once: acc = fma(scale, sum, acc).
#pragma once

#include "tile.hpp"

namespace gruvy::GRUVY_NS {

template <class S> constexpr bool scaled = false;
template <> constexpr bool scaled<std::int8_t> = true;

#if defined(GRUVY_ISA_AVX512)
GRUVY_INLINE Vec<float> widened(const Float16 *p) { return {_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p))}; }
GRUVY_INLINE Vec<float> widened(const BFloat16 *p) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
GRUVY_INLINE Vec<float> widened(const std::int8_t *p) {
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)))};
}
#elif defined(GRUVY_ISA_AVX2) || defined(GRUVY_ISA_WIDE)
GRUVY_INLINE F8 widened8(const Float16 *p) { return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p))}; }
GRUVY_INLINE F8 widened8(const BFloat16 *p) {
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16))};
}
GRUVY_INLINE F8 widened8(const std::int8_t *p) {
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)))};
}
#if defined(GRUVY_ISA_WIDE)
template <class S> GRUVY_INLINE Vec<float> widened(const S *p) { return {widened8(p), widened8(p + 8)}; }
#else
template <class S> GRUVY_INLINE Vec<float> widened(const S *p) { return widened8(p); }
#endif
#elif defined(__aarch64__)
GRUVY_INLINE Vec<float> widened(const Float16 *p) {
    return {(Vec<float>::F)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&p->bits)))};
}
GRUVY_INLINE Vec<float> widened(const BFloat16 *p) { return {(Vec<float>::F)vshll_n_u16(vld1_u16(&p->bits), 16)}; }
GRUVY_INLINE Vec<float> widened(const std::int8_t *p) {
    uint32_t four;
    __builtin_memcpy(&four, p, 4);
    int16x8_t wide = vmovl_s8(vcreate_s8(four));
    return {(Vec<float>::F)vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)))};
}
#else
// The 15 bits below the sign, taken for a float32's, are 2^112 times too small: float16 without infinity and NaN.
GRUVY_INLINE Vec<float> widened(const Float16 *p) {
    Vec<float> r;
    for (int i = 0; i < Vec<float>::lanes; i++) {
        uint32_t sign = (p[i].bits & 0x8000u) << 16, rest = (p[i].bits & 0x7fffu) << 13;
        float value;
        __builtin_memcpy(&value, &rest, 4);
        r.v[i] = value;
        value = r.v[i] * 0x1p112f;
        __builtin_memcpy(&rest, &value, 4);
        rest |= sign;
        __builtin_memcpy(&value, &rest, 4);
        r.v[i] = value;
    }
    return r;
}
GRUVY_INLINE Vec<float> widened(const BFloat16 *p) {
    Vec<float> r;
    for (int i = 0; i < Vec<float>::lanes; i++) {
        uint32_t bits = uint32_t(p[i].bits) << 16;
        float value;
        __builtin_memcpy(&value, &bits, 4);
        r.v[i] = value;
    }
    return r;
}
GRUVY_INLINE Vec<float> widened(const std::int8_t *p) {
    Vec<float> r;
    for (int i = 0; i < Vec<float>::lanes; i++) r.v[i] = float(p[i]);
    return r;
}
#endif

// As `multiply`, for weights that are held otherwise; scale: a vector for each of weights, where they are scaled.
template <class T, class S, int R, int P, int N>
__attribute__((noinline)) void multiply_held(T *acc_, const T *const *a_, Index tiles, const S *w_, Index next, Index K,
                                             bool apart, const T *scale) {
    using V = Vec<T>;
    constexpr int L = V::lanes, M = P * N;
    static_assert(R * M + (R < M ? R : M) + 1 <= V::registers, "accumulators, weights and factors fit the registers");
    for (; tiles > 0; tiles--, acc_ += R * M * L, a_ += R) {
        V acc[R * M];
        const T *a[R];
        const S *w = w_;
#pragma GCC unroll 32
        for (int i = 0; i < R * M; i++) acc[i] = apart ? V::zero() : V::load(acc_ + i * L);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) a[r] = a_[r];
#pragma GCC unroll 4
        for (Index k = 0; k < K; k++) {
            if constexpr (R > M) {
                V b[M];
#pragma GCC unroll 16
                for (int m = 0; m < M; m++) b[m] = widened(w + m / N * next + m % N * L), b[m].settle();
#pragma GCC unroll 16
                for (int r = 0; r < R; r++) {
                    Each<T> s = Each<T>::load(a[r] + k);
                    s.settle();
#pragma GCC unroll 16
                    for (int m = 0; m < M; m++) s.add(b[m], acc[r * M + m]);
                }
            } else {
                Each<T> s[R];
#pragma GCC unroll 16
                for (int r = 0; r < R; r++) s[r] = Each<T>::load(a[r] + k), s[r].settle();
#pragma GCC unroll 16
                for (int m = 0; m < M; m++) {
                    const V b = widened(w + m / N * next + m % N * L);
#pragma GCC unroll 16
                    for (int r = 0; r < R; r++) s[r].add(b, acc[r * M + m]);
                }
            }
            w += N * L;
        }
#pragma GCC unroll 32
        for (int i = 0; i < R * M; i++) {
            if constexpr (scaled<S>)
                acc[i] = fma(V::load(scale + i % M * L), acc[i], V::load(acc_ + i * L));
            else if (apart)
                acc[i] = V::load(acc_ + i * L) + acc[i];
            acc[i].store(acc_ + i * L);
        }
    }
}

}  // namespace gruvy::GRUVY_NS
