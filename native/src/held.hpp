// Weights held in fewer bytes than the float32 numbers that they meet: float16, bfloat16, and int8 with a scale for
// each row. A step of a stream reads every weight once and does next to nothing with it: half the bytes, nearly half
// the time.
//
// float16 and bfloat16 become float32 exactly, and then the order of sums is the one of tile.hpp: the same bits as
// float32 weights of the same values. With int8 the sum over a block of k is of whole numbers times inputs, and meets
// the scale once: acc = fma(scale, sum, acc).
//
// What makes a weight wide must cost less than what its bytes save. With AVX-512 the conversions that spread bytes or
// halves over 16 lanes are slow; so the bfloat16 of two k, or the int8 of four, lie together in the 32 bits of a lane,
// [k / group][vector][lane][group], and a shift, a mask or both bring each to the top: a bfloat16 is a float32 there,
// an int8 the whole number 2^24 times as large. Measured on Zen 4: 0.41 and 0.61 ns a vector of 16, and 0.63 without.
// With AVX2 the conversions are as fast, and there is no room for the factors of several k.
#pragma once

#include "tile.hpp"

namespace gruvy::GRUVY_NS {

// The steps of k that lie together; and what an int8 has become in its lane, so many times itself.
template <class S> constexpr int group = 1;
#if defined(GRUVY_ISA_AVX2) || defined(GRUVY_ISA_WIDE)
constexpr float int8_is = 1.0f;
#else
template <> constexpr int group<BFloat16> = 2;
template <> constexpr int group<std::int8_t> = 4;
constexpr float int8_is = 16777216.0f;
#endif

template <class S> constexpr bool scaled = false;
template <> constexpr bool scaled<std::int8_t> = true;

// A vector of lanes of 32 bits, and the weights in it; of float16 a vector of lanes of 16 bits.
#if defined(GRUVY_ISA_AVX512)
template <class S> GRUVY_INLINE __m512i words(const S *p) { return _mm512_loadu_si512(p); }
template <> GRUVY_INLINE __m512i words(const Float16 *p) {
    return _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)p));
}
template <class S, int g> GRUVY_INLINE Vec<float> widened(__m512i v) {
    if constexpr (group<S> == 1) return {_mm512_cvtph_ps(_mm512_castsi512_si256(v))};
    if constexpr (group<S> == 2)
        return {_mm512_castsi512_ps(g ? _mm512_and_si512(v, _mm512_set1_epi32(-65536)) : _mm512_slli_epi32(v, 16))};
    v = g < 3 ? _mm512_slli_epi32(v, 24 - 8 * g) : v;
    return {_mm512_cvtepi32_ps(g ? _mm512_and_si512(v, _mm512_set1_epi32(-16777216)) : v)};
}
#elif defined(GRUVY_ISA_AVX2) || defined(GRUVY_ISA_WIDE)
GRUVY_INLINE Register<float> widened8(const Float16 *p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p))};
}
GRUVY_INLINE Register<float> widened8(const BFloat16 *p) {
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16))};
}
GRUVY_INLINE Register<float> widened8(const std::int8_t *p) {
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)))};
}
template <class S> GRUVY_INLINE const S *words(const S *p) { return p; }
template <class S, int> GRUVY_INLINE Vec<float> widened(const S *p) {
#if defined(GRUVY_ISA_WIDE)
    return {widened8(p), widened8(p + 8)};
#else
    return widened8(p);
#endif
}
#else
struct Words {
    Bits<float>::U v;
};
template <class S> GRUVY_INLINE Words words(const S *p) {
    Words w = {};
    __builtin_memcpy(&w.v, p, sizeof(S) * 4 * group<S>);
    return w;
}
template <class S, int g> GRUVY_INLINE Vec<float> widened(Words w) {
    using F = Bits<float>::F;
    if constexpr (group<S> == 2) return {(F)(g ? w.v & 0xffff0000u : w.v << 16)};
    if constexpr (group<S> == 4) {
        typedef std::int32_t I __attribute__((vector_size(16)));
        return {__builtin_convertvector((I)(w.v << (24 - 8 * g) & 0xff000000u), F)};
    }
#if defined(__aarch64__)
    return {(F)vcvt_f32_f16(vreinterpret_f16_u32(vget_low_u32((uint32x4_t)w.v)))};
#else
    // The 15 bits below the sign, taken for a float32's, are 2^112 times too small: float16 without infinity and NaN.
    std::uint16_t h[8];
    __builtin_memcpy(h, &w.v, 16);
    Bits<float>::U sign, rest;
    for (int i = 0; i < 4; i++)
        sign[i] = std::uint32_t(h[i] & 0x8000) << 16, rest[i] = std::uint32_t(h[i] & 0x7fff) << 13;
    return {(F)((Bits<float>::U)((F)rest * 0x1p112f) | sign)};
#endif
}
#endif

// f(0), ..., f(n - 1) with numbers that the compiler knows.
template <int n> struct Number {
    static constexpr int value = n;
};
template <int n, int i = 0, class F> GRUVY_INLINE void each_number(const F &f) {
    if constexpr (i < n) {
        f(Number<i>());
        each_number<n, i + 1>(f);
    }
}

// As `multiply`, for weights that are held otherwise; scale: a vector for each of weights, where they are scaled.
template <class T, class S, int R, int P, int N>
__attribute__((noinline)) void multiply_held(T *acc_, const T *const *a_, Index tiles, const S *w_, Index next, Index K,
                                             bool apart, const T *scale) {
    using V = Vec<T>;
    constexpr int L = V::lanes, M = P * N, G = group<S>;
    static_assert(R * M + (R < M ? R : M) + 1 <= V::registers, "accumulators, weights and factors fit the registers");
    for (; tiles > 0; tiles--, acc_ += R * M * L, a_ += R) {
        V acc[R * M];
        const T *a[R];
        const S *w = w_;
#pragma GCC unroll 32
        for (int i = 0; i < R * M; i++) acc[i] = apart ? V::zero() : V::load(acc_ + i * L);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) a[r] = a_[r];
        // One k, the g-th of its group.
        auto step = [&](Index k, auto number) __attribute__((always_inline)) {
            constexpr int g = decltype(number)::value;
            if constexpr (R > M) {
                V b[M];
#pragma GCC unroll 16
                for (int m = 0; m < M; m++)
                    b[m] = widened<S, g>(words(w + m / N * next + m % N * L * G)), b[m].settle();
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
                    const V b = widened<S, g>(words(w + m / N * next + m % N * L * G));
#pragma GCC unroll 16
                    for (int r = 0; r < R; r++) s[r].add(b, acc[r * M + m]);
                }
            }
        };
        Index k = 0;
#pragma GCC unroll 4
        for (; k + G <= K; k += G, w += G * N * L) {
            if constexpr (R == 1 && G > 1 && V::registers >= 32) {  // room for the factors of a group
                Each<T> s[G];
#pragma GCC unroll 4
                for (int g = 0; g < G; g++) s[g] = Each<T>::load(a[0] + k + g), s[g].settle();
#pragma GCC unroll 16
                for (int m = 0; m < M; m++) {
                    const auto v = words(w + m / N * next + m % N * L * G);
                    each_number<G>([&](auto g) __attribute__((always_inline)) {
                        s[g.value].add(widened<S, decltype(g)::value>(v), acc[m]);
                    });
                }
            } else {
                each_number<G>([&](auto g) __attribute__((always_inline)) { step(k + g.value, g); });
            }
        }
        if constexpr (G > 1)  // what is there of the last group
            each_number<G - 1>([&](auto g) __attribute__((always_inline)) {
                if (k + g.value < K) step(k + g.value, g);
            });
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
