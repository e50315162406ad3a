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
//
// Why not Highway (1.0.3): for aarch64 the tile of 8 x 3 made with it touches the stack ten times in each step over k
// from clang 14 and eight times from GCC 12, and made with what is here not at all; for AVX2 and AVX-512 neither does.
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

template <class T> struct Magic;
// Adding 1.5 * 2^(bits of the mantissa) rounds to an integer, which then stands in the low bits of the sum.
template <> struct Magic<float> {
    static constexpr float value = 12582912.0f;
};
template <> struct Magic<double> {
    static constexpr double value = 6755399441055744.0;
};

// One register. GCC's and clang's own vectors become the instructions of each set: + - * /, comparisons, bits. What
// they do not have, or make more of than one instruction, is below by the names of the sets: the fused multiply-add,
// min and max, loads and stores of a part.
template <class T> struct Bits;
#if defined(GRUVY_ISA_AVX512)
inline constexpr int register_bytes = 64, register_count = 32;
#elif defined(GRUVY_ISA_AVX2) || defined(GRUVY_ISA_WIDE)
inline constexpr int register_bytes = 32, register_count = 16;
#elif defined(__aarch64__)
inline constexpr int register_bytes = 16, register_count = 32;
#else
inline constexpr int register_bytes = 16, register_count = 16;
#endif
template <> struct Bits<float> {
    typedef float F __attribute__((vector_size(register_bytes)));
    typedef uint32_t U __attribute__((vector_size(register_bytes)));
    static constexpr int mantissa = 23;
    static constexpr uint32_t one = 0x3f800000u, sign = 0x80000000u;
};
template <> struct Bits<double> {
    typedef double F __attribute__((vector_size(register_bytes)));
    typedef uint64_t U __attribute__((vector_size(register_bytes)));
    static constexpr int mantissa = 52;
    static constexpr uint64_t one = 0x3ff0000000000000u, sign = 0x8000000000000000u;
};
using Floats = Bits<float>::F;
using Doubles = Bits<double>::F;

#if defined(GRUVY_ISA_AVX512)
#define GRUVY_MM(operation) _mm512_##operation
#elif defined(GRUVY_ISA_AVX2) || defined(GRUVY_ISA_WIDE)
#define GRUVY_MM(operation) _mm256_##operation
#endif
#if defined(GRUVY_MM)
GRUVY_INLINE Floats fused(Floats a, Floats b, Floats c) { return GRUVY_MM(fmadd_ps)(a, b, c); }
GRUVY_INLINE Doubles fused(Doubles a, Doubles b, Doubles c) { return GRUVY_MM(fmadd_pd)(a, b, c); }
GRUVY_INLINE Floats less_fused(Floats a, Floats b, Floats c) { return GRUVY_MM(fnmadd_ps)(a, b, c); }
GRUVY_INLINE Doubles less_fused(Doubles a, Doubles b, Doubles c) { return GRUVY_MM(fnmadd_pd)(a, b, c); }
GRUVY_INLINE Floats negative_fused(Floats a, Floats b, Floats c) { return GRUVY_MM(fnmsub_ps)(a, b, c); }
GRUVY_INLINE Doubles negative_fused(Doubles a, Doubles b, Doubles c) { return GRUVY_MM(fnmsub_pd)(a, b, c); }
GRUVY_INLINE Floats lower(Floats a, Floats b) { return GRUVY_MM(min_ps)(a, b); }
GRUVY_INLINE Doubles lower(Doubles a, Doubles b) { return GRUVY_MM(min_pd)(a, b); }
GRUVY_INLINE Floats upper(Floats a, Floats b) { return GRUVY_MM(max_ps)(a, b); }
GRUVY_INLINE Doubles upper(Doubles a, Doubles b) { return GRUVY_MM(max_pd)(a, b); }
#endif

#if defined(GRUVY_ISA_AVX512)

GRUVY_INLINE unsigned first(int n) { return (1u << n) - 1; }
GRUVY_INLINE Floats load_part(const float *p, int n) { return _mm512_maskz_loadu_ps((__mmask16)first(n), p); }
GRUVY_INLINE Doubles load_part(const double *p, int n) { return _mm512_maskz_loadu_pd((__mmask8)first(n), p); }
GRUVY_INLINE void store_part(float *p, int n, Floats v) { _mm512_mask_storeu_ps(p, (__mmask16)first(n), v); }
GRUVY_INLINE void store_part(double *p, int n, Doubles v) { _mm512_mask_storeu_pd(p, (__mmask8)first(n), v); }

#elif defined(GRUVY_ISA_AVX2) || defined(GRUVY_ISA_WIDE)

alignas(32) inline constexpr int32_t part[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
GRUVY_INLINE __m256i first(int words) { return _mm256_loadu_si256((const __m256i *)(part + 8 - words)); }
GRUVY_INLINE Floats load_part(const float *p, int n) { return _mm256_maskload_ps(p, first(n)); }
GRUVY_INLINE Doubles load_part(const double *p, int n) { return _mm256_maskload_pd(p, first(2 * n)); }
GRUVY_INLINE void store_part(float *p, int n, Floats v) { _mm256_maskstore_ps(p, first(n), v); }
GRUVY_INLINE void store_part(double *p, int n, Doubles v) { _mm256_maskstore_pd(p, first(2 * n), v); }

#else

#if defined(__aarch64__)
GRUVY_INLINE Floats fused(Floats a, Floats b, Floats c) {
    return (Floats)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
GRUVY_INLINE Doubles fused(Doubles a, Doubles b, Doubles c) {
    return (Doubles)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#else
GRUVY_INLINE float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
GRUVY_INLINE double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }
template <class F> GRUVY_INLINE F fused(F a, F b, F c) {
    for (int i = 0; i < (int)(sizeof(F) / sizeof(a[0])); i++) c[i] = fused(a[i], b[i], c[i]);
    return c;
}
#endif
template <class F> GRUVY_INLINE F less_fused(F a, F b, F c) { return fused(-a, b, c); }
template <class F> GRUVY_INLINE F negative_fused(F a, F b, F c) { return fused(-a, b, -c); }
template <class F> GRUVY_INLINE F lower(F a, F b) { return a < b ? a : b; }
template <class F> GRUVY_INLINE F upper(F a, F b) { return a > b ? a : b; }
template <class T> GRUVY_INLINE auto load_part(const T *p, int n) {
    typename Bits<T>::F v{};
    for (int i = 0; i < n; i++) v[i] = p[i];
    return v;
}
template <class T> GRUVY_INLINE void store_part(T *p, int n, typename Bits<T>::F v) {
    for (int i = 0; i < n; i++) p[i] = v[i];
}

#endif

// What the compiler calls a register for vectors.
#if defined(__aarch64__)
#define GRUVY_REGISTER "w"
#elif defined(GRUVY_ISA_AVX512)
#define GRUVY_REGISTER "v"
#elif defined(__x86_64__)
#define GRUVY_REGISTER "x"
#endif

template <class T> struct Register {
    using scalar = T;
    using F = typename Bits<T>::F;
    using U = typename Bits<T>::U;
    static constexpr int lanes = register_bytes / (int)sizeof(T), registers = register_count;
    F v;
    typedef F Anywhere __attribute__((aligned(alignof(T)), may_alias));  // a vector at any address of a number
    static GRUVY_INLINE Register load(const T *p) { return {*(const Anywhere *)p}; }
    static GRUVY_INLINE Register load(const T *p, int n) { return {load_part(p, n)}; }
    static GRUVY_INLINE Register set(T s) { return {s - F{}}; }
    static GRUVY_INLINE Register zero() { return {F{}}; }
    GRUVY_INLINE void store(T *p) const { *(Anywhere *)p = v; }
    GRUVY_INLINE void store(T *p, int n) const { store_part(p, n, v); }
#if defined(GRUVY_REGISTER)
    GRUVY_INLINE void keep() { __asm__("" : "+" GRUVY_REGISTER(v)); }
    GRUVY_INLINE void settle() { __asm__ volatile("" : "+" GRUVY_REGISTER(v)); }
#else
    GRUVY_INLINE void keep() {}
    GRUVY_INLINE void settle() {}
#endif
#if !defined(GRUVY_ISA_GENERIC)
    // this = fma(a, b, this), which keeps its register
    GRUVY_INLINE void add(Register a, Register b) {
        if constexpr (sizeof(T) == 4)
            __asm__ volatile("vfmadd231ps %2, %1, %0"
                             : "+" GRUVY_REGISTER(v)
                             : GRUVY_REGISTER(a.v), GRUVY_REGISTER(b.v));
        else
            __asm__ volatile("vfmadd231pd %2, %1, %0"
                             : "+" GRUVY_REGISTER(v)
                             : GRUVY_REGISTER(a.v), GRUVY_REGISTER(b.v));
    }
    GRUVY_INLINE void add(Register a, const T *p) {
        const Anywhere &b = *(const Anywhere *)p;
        if constexpr (sizeof(T) == 4)
            __asm__ volatile("vfmadd231ps %2, %1, %0" : "+" GRUVY_REGISTER(v) : GRUVY_REGISTER(a.v), "m"(b));
        else
            __asm__ volatile("vfmadd231pd %2, %1, %0" : "+" GRUVY_REGISTER(v) : GRUVY_REGISTER(a.v), "m"(b));
    }
#endif
};
template <class T> GRUVY_INLINE Register<T> operator+(Register<T> a, Register<T> b) { return {a.v + b.v}; }
template <class T> GRUVY_INLINE Register<T> operator-(Register<T> a, Register<T> b) { return {a.v - b.v}; }
template <class T> GRUVY_INLINE Register<T> operator*(Register<T> a, Register<T> b) { return {a.v * b.v}; }
template <class T> GRUVY_INLINE Register<T> operator/(Register<T> a, Register<T> b) { return {a.v / b.v}; }
template <class T> GRUVY_INLINE Register<T> fma(Register<T> a, Register<T> b, Register<T> c) {
    return {fused(a.v, b.v, c.v)};
}
template <class T> GRUVY_INLINE Register<T> fnma(Register<T> a, Register<T> b, Register<T> c) {
    return {less_fused(a.v, b.v, c.v)};
}
template <class T> GRUVY_INLINE Register<T> fnms(Register<T> a, Register<T> b, Register<T> c) {
    return {negative_fused(a.v, b.v, c.v)};
}
template <class T> GRUVY_INLINE Register<T> min(Register<T> a, Register<T> b) { return {lower(a.v, b.v)}; }
template <class T> GRUVY_INLINE Register<T> max(Register<T> a, Register<T> b) { return {upper(a.v, b.v)}; }
template <class T> GRUVY_INLINE Register<T> abs(Register<T> a) {
    using R = Register<T>;
    return {(typename R::F)((typename R::U)a.v & ~Bits<T>::sign)};
}
template <class T> GRUVY_INLINE Register<T> with_sign(Register<T> a, Register<T> s) {
    using R = Register<T>;
    return {(typename R::F)((typename R::U)a.v | ((typename R::U)s.v & Bits<T>::sign))};
}
template <class T> GRUVY_INLINE Register<T> power2(Register<T> t) {
    using R = Register<T>;
    return {(typename R::F)(((typename R::U)t.v << Bits<T>::mantissa) + Bits<T>::one)};
}

#if defined(GRUVY_ISA_WIDE)

template <class T> struct Vec {
    using scalar = T;
    using H = Register<T>;
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

#else
template <class T> using Vec = Register<T>;
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
