// A vector of floats or doubles, one implementation per instruction set, so that a kernel is written once.
//
// A kernel source is compiled several times, each time with -DGRUVY_ISA_<NAME> and that instruction set's flags:
//     AVX2     8 float / 4 double, 16 registers       AVX512   16 / 8, 32 registers
//     GENERIC  4 / 2, any processor (fma is std::fma where the compiler has no instruction for it; NEON on aarch64)
//     WIDE     16 / 8 made of two AVX2 registers: runs the 16-lane kernels on a machine without AVX-512 (tests only)
// All of it lives in the namespace GRUVY_NS of that build: `namespace gruvy::GRUVY_NS { ... }`.
// A kernel source must not instantiate templates or inline functions from outside that namespace (no std::vector, no
// std::min): the linker keeps one copy of such a function, perhaps the one with instructions this processor lacks.
//
// The same bits on every instruction set: each operation is one IEEE operation per lane, rounded to nearest; there is
// no horizontal operation and no estimate. An output that keeps its own lane and its own order over k is the same
// number at 4, 8 and 16 lanes.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(GRUVY_ISA_AVX2)
#define GRUVY_NS avx2
#elif defined(GRUVY_ISA_AVX512)
#define GRUVY_NS avx512
#elif defined(GRUVY_ISA_WIDE)
#define GRUVY_NS wide
#else
#ifndef GRUVY_ISA_GENERIC
#define GRUVY_ISA_GENERIC
#endif
#define GRUVY_NS generic
#endif

#if defined(GRUVY_ISA_AVX2) || defined(GRUVY_ISA_AVX512) || defined(GRUVY_ISA_WIDE)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define GRUVY_INLINE inline __attribute__((always_inline))

namespace gruvy::GRUVY_NS {

// What every implementation offers, V = Vec<float> or Vec<double>:
//   V::lanes; V::registers (how many of them the instruction set has)
//   V::load(p) any alignment; V::load(p, n) the first n < = lanes, 0 beyond, which are not read; V::set(s); V::zero()
//   v.store(p), v.store(p, n);  v.keep(): this value stays in a register (no refetch from memory in each fma)
//   v.settle(): the same, and v is there before anything that is loaded or settled later in the source
//   Each<T>, one number that meets all lanes: load(p), e.settle(), e.add(b, c): c = fma(e, b, c), b a vector or where
//   one is. c keeps its register, in the order of the source: left to choose, clang 14 lets sums change their registers
//   with factors, runs out of them and stores some in every step.
//   a + b, a - b, a * b, a / b, fma(a, b, c) = a b + c, fnma(a, b, c) = c - a b, fnms(a, b, c) = -a b - c
//   min(a, b), max(a, b): b where either is NaN; abs(a); with_sign(a, s): a >= 0 with the sign bit of s
//   power2(t): 2^n for t = n + V::magic(), the integer n in the range of normal results
template <class T> struct Vec;

template <class T> struct Magic;
// Adding 1.5 * 2^(bits of the mantissa) rounds to an integer, which then stands in the low bits of the sum.
template <> struct Magic<float> {
    static constexpr float value = 12582912.0f;
};
template <> struct Magic<double> {
    static constexpr double value = 6755399441055744.0;
};

#if defined(GRUVY_ISA_AVX2) || defined(GRUVY_ISA_WIDE)

#if defined(GRUVY_ISA_WIDE)
#define GRUVY_HALF Half
#else
#define GRUVY_HALF Vec
#endif

template <class T> struct GRUVY_HALF;

alignas(32) inline constexpr int32_t mask32[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
alignas(32) inline constexpr int64_t mask64[8] = {-1, -1, -1, -1, 0, 0, 0, 0};

template <> struct GRUVY_HALF<float> {
    using scalar = float;
    static constexpr int lanes = 8, registers = 16;
    __m256 v;
    static GRUVY_INLINE __m256i mask(int n) { return _mm256_loadu_si256((const __m256i *)(mask32 + 8 - n)); }
    static GRUVY_INLINE GRUVY_HALF load(const float *p) { return {_mm256_loadu_ps(p)}; }
    static GRUVY_INLINE GRUVY_HALF load(const float *p, int n) { return {_mm256_maskload_ps(p, mask(n))}; }
    static GRUVY_INLINE GRUVY_HALF set(float s) { return {_mm256_set1_ps(s)}; }
    static GRUVY_INLINE GRUVY_HALF zero() { return {_mm256_setzero_ps()}; }
    GRUVY_INLINE void store(float *p) const { _mm256_storeu_ps(p, v); }
    GRUVY_INLINE void store(float *p, int n) const { _mm256_maskstore_ps(p, mask(n), v); }
    GRUVY_INLINE void keep() { __asm__("" : "+x"(v)); }
    GRUVY_INLINE void settle() { __asm__ volatile("" : "+x"(v)); }
    GRUVY_INLINE void add(GRUVY_HALF a, GRUVY_HALF b) {
        __asm__ volatile("vfmadd231ps %2, %1, %0" : "+x"(v) : "x"(a.v), "x"(b.v));
    }
    GRUVY_INLINE void add(GRUVY_HALF a, const scalar *p) {
        __asm__ volatile("vfmadd231ps %2, %1, %0" : "+x"(v) : "x"(a.v), "m"(*(const __m256_u *)p));
    }
};
template <> struct GRUVY_HALF<double> {
    using scalar = double;
    static constexpr int lanes = 4, registers = 16;
    __m256d v;
    static GRUVY_INLINE __m256i mask(int n) { return _mm256_loadu_si256((const __m256i *)(mask64 + 4 - n)); }
    static GRUVY_INLINE GRUVY_HALF load(const double *p) { return {_mm256_loadu_pd(p)}; }
    static GRUVY_INLINE GRUVY_HALF load(const double *p, int n) { return {_mm256_maskload_pd(p, mask(n))}; }
    static GRUVY_INLINE GRUVY_HALF set(double s) { return {_mm256_set1_pd(s)}; }
    static GRUVY_INLINE GRUVY_HALF zero() { return {_mm256_setzero_pd()}; }
    GRUVY_INLINE void store(double *p) const { _mm256_storeu_pd(p, v); }
    GRUVY_INLINE void store(double *p, int n) const { _mm256_maskstore_pd(p, mask(n), v); }
    GRUVY_INLINE void keep() { __asm__("" : "+x"(v)); }
    GRUVY_INLINE void settle() { __asm__ volatile("" : "+x"(v)); }
    GRUVY_INLINE void add(GRUVY_HALF a, GRUVY_HALF b) {
        __asm__ volatile("vfmadd231pd %2, %1, %0" : "+x"(v) : "x"(a.v), "x"(b.v));
    }
    GRUVY_INLINE void add(GRUVY_HALF a, const scalar *p) {
        __asm__ volatile("vfmadd231pd %2, %1, %0" : "+x"(v) : "x"(a.v), "m"(*(const __m256d_u *)p));
    }
};

using F8 = GRUVY_HALF<float>;
using D4 = GRUVY_HALF<double>;
GRUVY_INLINE F8 operator+(F8 a, F8 b) { return {_mm256_add_ps(a.v, b.v)}; }
GRUVY_INLINE F8 operator-(F8 a, F8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
GRUVY_INLINE F8 operator*(F8 a, F8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
GRUVY_INLINE F8 operator/(F8 a, F8 b) { return {_mm256_div_ps(a.v, b.v)}; }
GRUVY_INLINE F8 fma(F8 a, F8 b, F8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
GRUVY_INLINE F8 fnma(F8 a, F8 b, F8 c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
GRUVY_INLINE F8 fnms(F8 a, F8 b, F8 c) { return {_mm256_fnmsub_ps(a.v, b.v, c.v)}; }
GRUVY_INLINE F8 min(F8 a, F8 b) { return {_mm256_min_ps(a.v, b.v)}; }
GRUVY_INLINE F8 max(F8 a, F8 b) { return {_mm256_max_ps(a.v, b.v)}; }
GRUVY_INLINE F8 abs(F8 a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
GRUVY_INLINE F8 with_sign(F8 a, F8 s) { return {_mm256_or_ps(a.v, _mm256_and_ps(_mm256_set1_ps(-0.0f), s.v))}; }
GRUVY_INLINE F8 power2(F8 t) {
    return {_mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(t.v), 23), _mm256_set1_epi32(0x3f800000)))};
}
GRUVY_INLINE D4 operator+(D4 a, D4 b) { return {_mm256_add_pd(a.v, b.v)}; }
GRUVY_INLINE D4 operator-(D4 a, D4 b) { return {_mm256_sub_pd(a.v, b.v)}; }
GRUVY_INLINE D4 operator*(D4 a, D4 b) { return {_mm256_mul_pd(a.v, b.v)}; }
GRUVY_INLINE D4 operator/(D4 a, D4 b) { return {_mm256_div_pd(a.v, b.v)}; }
GRUVY_INLINE D4 fma(D4 a, D4 b, D4 c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
GRUVY_INLINE D4 fnma(D4 a, D4 b, D4 c) { return {_mm256_fnmadd_pd(a.v, b.v, c.v)}; }
GRUVY_INLINE D4 fnms(D4 a, D4 b, D4 c) { return {_mm256_fnmsub_pd(a.v, b.v, c.v)}; }
GRUVY_INLINE D4 min(D4 a, D4 b) { return {_mm256_min_pd(a.v, b.v)}; }
GRUVY_INLINE D4 max(D4 a, D4 b) { return {_mm256_max_pd(a.v, b.v)}; }
GRUVY_INLINE D4 abs(D4 a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }
GRUVY_INLINE D4 with_sign(D4 a, D4 s) { return {_mm256_or_pd(a.v, _mm256_and_pd(_mm256_set1_pd(-0.0), s.v))}; }
GRUVY_INLINE D4 power2(D4 t) {
    return {_mm256_castsi256_pd(
        _mm256_add_epi64(_mm256_slli_epi64(_mm256_castpd_si256(t.v), 52), _mm256_set1_epi64x(0x3ff0000000000000)))};
}
#endif

#if defined(GRUVY_ISA_WIDE)

template <class T> struct Vec {
    using scalar = T;
    using H = Half<T>;
    static constexpr int lanes = 2 * H::lanes, registers = 32;
    H a, b;
    static GRUVY_INLINE int low(int n) { return n < H::lanes ? n : H::lanes; }
    static GRUVY_INLINE int high(int n) { return n < H::lanes ? 0 : n - H::lanes; }
    static GRUVY_INLINE Vec load(const T *p) { return {H::load(p), H::load(p + H::lanes)}; }
    static GRUVY_INLINE Vec load(const T *p, int n) { return {H::load(p, low(n)), H::load(p + H::lanes, high(n))}; }
    static GRUVY_INLINE Vec set(T s) { return {H::set(s), H::set(s)}; }
    static GRUVY_INLINE Vec zero() { return {H::zero(), H::zero()}; }
    GRUVY_INLINE void store(T *p) const { a.store(p), b.store(p + H::lanes); }
    GRUVY_INLINE void store(T *p, int n) const { a.store(p, low(n)), b.store(p + H::lanes, high(n)); }
    GRUVY_INLINE void keep() { a.keep(), b.keep(); }
    GRUVY_INLINE void settle() { a.settle(), b.settle(); }
    GRUVY_INLINE void add(Vec x, Vec y) { a.add(x.a, y.a), b.add(x.b, y.b); }
    GRUVY_INLINE void add(Vec x, const T *p) { a.add(x.a, p), b.add(x.b, p + H::lanes); }
};
template <class T> GRUVY_INLINE Vec<T> operator+(Vec<T> x, Vec<T> y) { return {x.a + y.a, x.b + y.b}; }
template <class T> GRUVY_INLINE Vec<T> operator-(Vec<T> x, Vec<T> y) { return {x.a - y.a, x.b - y.b}; }
template <class T> GRUVY_INLINE Vec<T> operator*(Vec<T> x, Vec<T> y) { return {x.a * y.a, x.b * y.b}; }
template <class T> GRUVY_INLINE Vec<T> operator/(Vec<T> x, Vec<T> y) { return {x.a / y.a, x.b / y.b}; }
template <class T> GRUVY_INLINE Vec<T> fma(Vec<T> x, Vec<T> y, Vec<T> z) {
    return {fma(x.a, y.a, z.a), fma(x.b, y.b, z.b)};
}
template <class T> GRUVY_INLINE Vec<T> fnma(Vec<T> x, Vec<T> y, Vec<T> z) {
    return {fnma(x.a, y.a, z.a), fnma(x.b, y.b, z.b)};
}
template <class T> GRUVY_INLINE Vec<T> fnms(Vec<T> x, Vec<T> y, Vec<T> z) {
    return {fnms(x.a, y.a, z.a), fnms(x.b, y.b, z.b)};
}
template <class T> GRUVY_INLINE Vec<T> min(Vec<T> x, Vec<T> y) { return {min(x.a, y.a), min(x.b, y.b)}; }
template <class T> GRUVY_INLINE Vec<T> max(Vec<T> x, Vec<T> y) { return {max(x.a, y.a), max(x.b, y.b)}; }
template <class T> GRUVY_INLINE Vec<T> abs(Vec<T> x) { return {abs(x.a), abs(x.b)}; }
template <class T> GRUVY_INLINE Vec<T> with_sign(Vec<T> x, Vec<T> s) {
    return {with_sign(x.a, s.a), with_sign(x.b, s.b)};
}
template <class T> GRUVY_INLINE Vec<T> power2(Vec<T> t) { return {power2(t.a), power2(t.b)}; }

#elif defined(GRUVY_ISA_AVX512)

template <> struct Vec<float> {
    using scalar = float;
    static constexpr int lanes = 16, registers = 32;
    __m512 v;
    static GRUVY_INLINE __mmask16 mask(int n) { return (__mmask16)((1u << n) - 1); }
    static GRUVY_INLINE Vec load(const float *p) { return {_mm512_loadu_ps(p)}; }
    static GRUVY_INLINE Vec load(const float *p, int n) { return {_mm512_maskz_loadu_ps(mask(n), p)}; }
    static GRUVY_INLINE Vec set(float s) { return {_mm512_set1_ps(s)}; }
    static GRUVY_INLINE Vec zero() { return {_mm512_setzero_ps()}; }
    GRUVY_INLINE void store(float *p) const { _mm512_storeu_ps(p, v); }
    GRUVY_INLINE void store(float *p, int n) const { _mm512_mask_storeu_ps(p, mask(n), v); }
    GRUVY_INLINE void keep() { __asm__("" : "+v"(v)); }
    GRUVY_INLINE void settle() { __asm__ volatile("" : "+v"(v)); }
    GRUVY_INLINE void add(Vec a, Vec b) { __asm__ volatile("vfmadd231ps %2, %1, %0" : "+v"(v) : "v"(a.v), "v"(b.v)); }
    GRUVY_INLINE void add(Vec a, const scalar *p) {
        __asm__ volatile("vfmadd231ps %2, %1, %0" : "+v"(v) : "v"(a.v), "m"(*(const __m512_u *)p));
    }
};
template <> struct Vec<double> {
    using scalar = double;
    static constexpr int lanes = 8, registers = 32;
    __m512d v;
    static GRUVY_INLINE __mmask8 mask(int n) { return (__mmask8)((1u << n) - 1); }
    static GRUVY_INLINE Vec load(const double *p) { return {_mm512_loadu_pd(p)}; }
    static GRUVY_INLINE Vec load(const double *p, int n) { return {_mm512_maskz_loadu_pd(mask(n), p)}; }
    static GRUVY_INLINE Vec set(double s) { return {_mm512_set1_pd(s)}; }
    static GRUVY_INLINE Vec zero() { return {_mm512_setzero_pd()}; }
    GRUVY_INLINE void store(double *p) const { _mm512_storeu_pd(p, v); }
    GRUVY_INLINE void store(double *p, int n) const { _mm512_mask_storeu_pd(p, mask(n), v); }
    GRUVY_INLINE void keep() { __asm__("" : "+v"(v)); }
    GRUVY_INLINE void settle() { __asm__ volatile("" : "+v"(v)); }
    GRUVY_INLINE void add(Vec a, Vec b) { __asm__ volatile("vfmadd231pd %2, %1, %0" : "+v"(v) : "v"(a.v), "v"(b.v)); }
    GRUVY_INLINE void add(Vec a, const scalar *p) {
        __asm__ volatile("vfmadd231pd %2, %1, %0" : "+v"(v) : "v"(a.v), "m"(*(const __m512d_u *)p));
    }
};
using F16 = Vec<float>;
using D8 = Vec<double>;
GRUVY_INLINE F16 operator+(F16 a, F16 b) { return {_mm512_add_ps(a.v, b.v)}; }
GRUVY_INLINE F16 operator-(F16 a, F16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
GRUVY_INLINE F16 operator*(F16 a, F16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
GRUVY_INLINE F16 operator/(F16 a, F16 b) { return {_mm512_div_ps(a.v, b.v)}; }
GRUVY_INLINE F16 fma(F16 a, F16 b, F16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
GRUVY_INLINE F16 fnma(F16 a, F16 b, F16 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
GRUVY_INLINE F16 fnms(F16 a, F16 b, F16 c) { return {_mm512_fnmsub_ps(a.v, b.v, c.v)}; }
GRUVY_INLINE F16 min(F16 a, F16 b) { return {_mm512_min_ps(a.v, b.v)}; }
GRUVY_INLINE F16 max(F16 a, F16 b) { return {_mm512_max_ps(a.v, b.v)}; }
GRUVY_INLINE F16 abs(F16 a) { return {_mm512_abs_ps(a.v)}; }
GRUVY_INLINE F16 with_sign(F16 a, F16 s) {
    __m512i sign = _mm512_and_epi32(_mm512_set1_epi32((int)0x80000000u), _mm512_castps_si512(s.v));
    return {_mm512_castsi512_ps(_mm512_or_epi32(_mm512_castps_si512(a.v), sign))};
}
GRUVY_INLINE F16 power2(F16 t) {
    return {_mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(t.v), 23), _mm512_set1_epi32(0x3f800000)))};
}
GRUVY_INLINE D8 operator+(D8 a, D8 b) { return {_mm512_add_pd(a.v, b.v)}; }
GRUVY_INLINE D8 operator-(D8 a, D8 b) { return {_mm512_sub_pd(a.v, b.v)}; }
GRUVY_INLINE D8 operator*(D8 a, D8 b) { return {_mm512_mul_pd(a.v, b.v)}; }
GRUVY_INLINE D8 operator/(D8 a, D8 b) { return {_mm512_div_pd(a.v, b.v)}; }
GRUVY_INLINE D8 fma(D8 a, D8 b, D8 c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
GRUVY_INLINE D8 fnma(D8 a, D8 b, D8 c) { return {_mm512_fnmadd_pd(a.v, b.v, c.v)}; }
GRUVY_INLINE D8 fnms(D8 a, D8 b, D8 c) { return {_mm512_fnmsub_pd(a.v, b.v, c.v)}; }
GRUVY_INLINE D8 min(D8 a, D8 b) { return {_mm512_min_pd(a.v, b.v)}; }
GRUVY_INLINE D8 max(D8 a, D8 b) { return {_mm512_max_pd(a.v, b.v)}; }
GRUVY_INLINE D8 abs(D8 a) { return {_mm512_abs_pd(a.v)}; }
GRUVY_INLINE D8 with_sign(D8 a, D8 s) {
    __m512i sign = _mm512_and_epi64(_mm512_set1_epi64(INT64_MIN), _mm512_castpd_si512(s.v));
    return {_mm512_castsi512_pd(_mm512_or_epi64(_mm512_castpd_si512(a.v), sign))};
}
GRUVY_INLINE D8 power2(D8 t) {
    return {_mm512_castsi512_pd(
        _mm512_add_epi64(_mm512_slli_epi64(_mm512_castpd_si512(t.v), 52), _mm512_set1_epi64(0x3ff0000000000000)))};
}

#elif defined(GRUVY_ISA_GENERIC)

// The compiler's own vectors: 16 bytes, what every 64-bit processor has.
template <class T> struct Bits;
template <> struct Bits<float> {
    typedef float F __attribute__((vector_size(16)));
    typedef uint32_t U __attribute__((vector_size(16)));
    static constexpr int mantissa = 23;
    static constexpr uint32_t one = 0x3f800000u, sign = 0x80000000u;
    static GRUVY_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
};
template <> struct Bits<double> {
    typedef double F __attribute__((vector_size(16)));
    typedef uint64_t U __attribute__((vector_size(16)));
    static constexpr int mantissa = 52;
    static constexpr uint64_t one = 0x3ff0000000000000u, sign = 0x8000000000000000u;
    static GRUVY_INLINE double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
};
template <class T> struct Vec {
    using scalar = T;
    using F = typename Bits<T>::F;
    using U = typename Bits<T>::U;
    static constexpr int lanes = 16 / (int)sizeof(T);
#if defined(__aarch64__)
    static constexpr int registers = 32;
#else
    static constexpr int registers = 16;
#endif
    F v;
    static GRUVY_INLINE Vec load(const T *p) {
        Vec r;
        __builtin_memcpy(&r.v, p, 16);
        return r;
    }
    static GRUVY_INLINE Vec load(const T *p, int n) {
        Vec r = zero();
        for (int i = 0; i < n; i++) r.v[i] = p[i];
        return r;
    }
    static GRUVY_INLINE Vec set(T s) { return {s - F{}}; }
    static GRUVY_INLINE Vec zero() { return {F{}}; }
    GRUVY_INLINE void store(T *p) const { __builtin_memcpy(p, &v, 16); }
    GRUVY_INLINE void store(T *p, int n) const {
        for (int i = 0; i < n; i++) p[i] = v[i];
    }
#if defined(__aarch64__)
    GRUVY_INLINE void keep() { __asm__("" : "+w"(v)); }
    GRUVY_INLINE void settle() { __asm__ volatile("" : "+w"(v)); }
#elif defined(__x86_64__)
    GRUVY_INLINE void keep() { __asm__("" : "+x"(v)); }
    GRUVY_INLINE void settle() { __asm__ volatile("" : "+x"(v)); }
#else
    GRUVY_INLINE void keep() {}
    GRUVY_INLINE void settle() {}
#endif
};
template <class T> GRUVY_INLINE Vec<T> operator+(Vec<T> a, Vec<T> b) { return {a.v + b.v}; }
template <class T> GRUVY_INLINE Vec<T> operator-(Vec<T> a, Vec<T> b) { return {a.v - b.v}; }
template <class T> GRUVY_INLINE Vec<T> operator*(Vec<T> a, Vec<T> b) { return {a.v * b.v}; }
template <class T> GRUVY_INLINE Vec<T> operator/(Vec<T> a, Vec<T> b) { return {a.v / b.v}; }
#if defined(__aarch64__)
GRUVY_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
    return {(Vec<float>::F)vfmaq_f32((float32x4_t)c.v, (float32x4_t)a.v, (float32x4_t)b.v)};
}
GRUVY_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
    return {(Vec<double>::F)vfmaq_f64((float64x2_t)c.v, (float64x2_t)a.v, (float64x2_t)b.v)};
}
#else
template <class T> GRUVY_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
    Vec<T> r;
    for (int i = 0; i < Vec<T>::lanes; i++) r.v[i] = Bits<T>::fma(a.v[i], b.v[i], c.v[i]);
    return r;
}
#endif
template <class T> GRUVY_INLINE Vec<T> fnma(Vec<T> a, Vec<T> b, Vec<T> c) { return fma(Vec<T>{-a.v}, b, c); }
template <class T> GRUVY_INLINE Vec<T> fnms(Vec<T> a, Vec<T> b, Vec<T> c) { return fma(Vec<T>{-a.v}, b, Vec<T>{-c.v}); }
template <class T> GRUVY_INLINE Vec<T> min(Vec<T> a, Vec<T> b) { return {a.v < b.v ? a.v : b.v}; }
template <class T> GRUVY_INLINE Vec<T> max(Vec<T> a, Vec<T> b) { return {a.v > b.v ? a.v : b.v}; }
template <class T> GRUVY_INLINE Vec<T> abs(Vec<T> a) {
    using U = typename Vec<T>::U;
    return {(typename Vec<T>::F)((U)a.v & ~Bits<T>::sign)};
}
template <class T> GRUVY_INLINE Vec<T> with_sign(Vec<T> a, Vec<T> s) {
    using U = typename Vec<T>::U;
    return {(typename Vec<T>::F)((U)a.v | ((U)s.v & Bits<T>::sign))};
}
template <class T> GRUVY_INLINE Vec<T> power2(Vec<T> t) {
    using U = typename Vec<T>::U;
    return {(typename Vec<T>::F)(((U)t.v << Bits<T>::mantissa) + Bits<T>::one)};
}

#endif

#if defined(__aarch64__)
// In lane 0 of a register, where fmla finds it by element: `ld1r`, which fills all lanes, takes a multiply-add's place.
// Written out, since GCC 12 makes the copy for all uses but one.
GRUVY_INLINE void fma_each(Bits<float>::F &c, Bits<float>::F b, float s) {
    __asm__ volatile("fmla %0.4s, %1.4s, %2.s[0]" : "+w"(c) : "w"(b), "w"(s));
}
GRUVY_INLINE void fma_each(Bits<double>::F &c, Bits<double>::F b, double s) {
    __asm__ volatile("fmla %0.2d, %1.2d, %2.d[0]" : "+w"(c) : "w"(b), "w"(s));
}
template <class T> struct Each {
    T s;
    static GRUVY_INLINE Each load(const T *p) { return {*p}; }
    GRUVY_INLINE void settle() { __asm__ volatile("" : "+w"(s)); }
    GRUVY_INLINE void add(Vec<T> b, Vec<T> &c) const { fma_each(c.v, b.v, s); }
    GRUVY_INLINE void add(const T *p, Vec<T> &c) const { add(Vec<T>::load(p), c); }
};
#else
template <class T> struct Each {
    Vec<T> v;
    static GRUVY_INLINE Each load(const T *p) { return {Vec<T>::set(*p)}; }
    GRUVY_INLINE void settle() { v.settle(); }
#if defined(GRUVY_ISA_GENERIC)
    GRUVY_INLINE void add(Vec<T> b, Vec<T> &c) const { c = fma(v, b, c); }
    GRUVY_INLINE void add(const T *p, Vec<T> &c) const { c = fma(v, Vec<T>::load(p), c); }
#else
    GRUVY_INLINE void add(Vec<T> b, Vec<T> &c) const { c.add(v, b); }
    GRUVY_INLINE void add(const T *p, Vec<T> &c) const { c.add(v, p); }
#endif
};
#endif

}  // namespace gruvy::GRUVY_NS
