// The register tile: R rows times P blocks of N vectors, accumulated over k in increasing order.
//
// Every number of a result is one chain of fused multiply-adds, acc = fma(a[k], w[k], acc) for k = 0, 1, ...: the shape
// of the tile it falls in changes nothing but the time. That is what makes the bits independent of batch and threads.
#pragma once

#include "engine.hpp"
#include "simd.hpp"

namespace gruvy::GRUVY_NS {

// Keep in step: R P N accumulators + P N weights + 1 broadcast <= registers.
template <class T> struct Limits {
    static constexpr bool many = Vec<T>::registers >= 32;
    static constexpr int rows = many ? 8 : 4;
};

GRUVY_INLINE Index least(Index a, Index b) { return a < b ? a : b; }
GRUVY_INLINE Index most(Index a, Index b) { return a > b ? a : b; }
GRUVY_INLINE Index blocks_of(Index n, Index size) { return (n + size - 1) / size; }

// acc[r][p][n] += sum over k of a[r][k A] w[p][k][n]; acc in memory, a vector each.
// a[r]: row r's factors, A apart; w: the first block's panel [k][n][lane], the next block's `next` numbers on.
//
// Not inlined: in a function of its own every accumulator gets a register; where the gates' constants compete for them
// the compiler keeps some in memory, at twice the time.
template <class T, int R, int P, int N, int A = 1>
__attribute__((noinline)) void multiply(T *acc_, const T *const *a_, const T *w, Index next, Index K) {
    using V = Vec<T>;
    constexpr int L = V::lanes;
    V acc[R][P][N];
    const T *a[R];
#pragma GCC unroll 32
    for (int i = 0; i < R * P * N; i++) acc[i / (P * N)][i / N % P][i % N] = V::load(acc_ + i * L);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) a[r] = a_[r];
    for (Index k = 0; k < K; k++) {
        if constexpr (R > 1) {
            V b[P][N];
#pragma GCC unroll 16
            for (int p = 0; p < P; p++)
#pragma GCC unroll 4
                for (int n = 0; n < N; n++) {
                    b[p][n] = V::load(w + p * next + n * L);
                    b[p][n].keep();  // else it is fetched again for each row
                }
#pragma GCC unroll 16
            for (int r = 0; r < R; r++) {
                V s = V::set(a[r][k * A]);
#pragma GCC unroll 16
                for (int p = 0; p < P; p++)
#pragma GCC unroll 4
                    for (int n = 0; n < N; n++) acc[r][p][n] = fma(s, b[p][n], acc[r][p][n]);
            }
        } else {
            V s = V::set(a[0][k * A]);
#pragma GCC unroll 16
            for (int p = 0; p < P; p++)
#pragma GCC unroll 4
                for (int n = 0; n < N; n++) acc[0][p][n] = fma(s, V::load(w + p * next + n * L), acc[0][p][n]);
        }
        w += N * L;
    }
#pragma GCC unroll 32
    for (int i = 0; i < R * P * N; i++) acc[i / (P * N)][i / N % P][i % N].store(acc_ + i * L);
}

// A vector at p of which n numbers exist; the full case first, since masked access is slow on some processors.
template <class T> GRUVY_INLINE Vec<T> load_up_to(const T *p, Index n) {
    return __builtin_expect(n >= Vec<T>::lanes, 1) ? Vec<T>::load(p) : Vec<T>::load(p, int(n));
}
template <class T> GRUVY_INLINE void store_up_to(T *p, Vec<T> v, Index n) {
    if (__builtin_expect(n >= Vec<T>::lanes, 1))
        v.store(p);
    else
        v.store(p, int(n));
}

// A tile at work: R rows from `row` on, P blocks from `block` on, their accumulators, and the product that suits them.
template <class T, int N> struct Tile {
    int R, P;
    Index row, block;
    T *acc;  // [R][P][N][lanes]
    void (*product)(T *, const T *const *, const T *, Index, Index);

    GRUVY_INLINE T *at(int r, int p, int n = 0) const { return acc + ((r * P + p) * N + n) * Vec<T>::lanes; }
};

template <class T, int N, int A, int R, int P, class F>
GRUVY_INLINE void sweep(Index row, Index rows, Index &block, Index last, T *acc, const F &f) {
    for (; block + P <= last; block += P)
        for (Index i = row; i + R <= rows; i += R) f(Tile<T, N>{R, P, i, block, acc, multiply<T, R, P, N, A>});
}

// Calls f(tile) so that the tiles cover `rows` rows and the blocks [first, last) of N vectors each. A group of panels
// meets all rows before the next group: it stays in the nearest cache.
template <class T, int N, int A = 1, class F> inline void for_tiles(Index rows, Index first, Index last, const F &f) {
    constexpr int full = Limits<T>::rows;
    alignas(64) T acc[full * 3 * Vec<T>::lanes];
    Index row = 0;
    if (rows >= full) {
        Index block = first;
        if constexpr (N == 1) {
            while (last - block >= 5 || last - block == 3)
                sweep<T, N, A, full, 3>(row, rows, block, block + 3, acc, f);
            sweep<T, N, A, full, 2>(row, rows, block, last, acc, f);
        }
        sweep<T, N, A, full, 1>(row, rows, block, last, acc, f);
        row = rows / full * full;
    }
    if constexpr (full > 4)
        if (rows - row >= 4) {
            Index block = first;
            if constexpr (N == 1) sweep<T, N, A, 4, 3>(row, rows, block, last, acc, f);
            sweep<T, N, A, 4, 1>(row, rows, block, last, acc, f);
            row += 4;
        }
    if (rows - row >= 2) {
        Index block = first;
        sweep<T, N, A, 2, N == 1 ? 4 : 2>(row, rows, block, last, acc, f);
        sweep<T, N, A, 2, 1>(row, rows, block, last, acc, f);
        row += 2;
    }
    if (rows - row >= 1) {
        Index block = first;
        sweep<T, N, A, 1, N == 1 ? 8 : 4>(row, rows, block, last, acc, f);
        if constexpr (N == 1) sweep<T, N, A, 1, 4>(row, rows, block, last, acc, f);
        sweep<T, N, A, 1, 1>(row, rows, block, last, acc, f);
    }
}

// Scratch cut from one block: called once with base = null to learn the size, once to hand out the parts.
struct Arena {
    char *base = nullptr;
    std::size_t used = 0;
    template <class E> E *take(Index count) {
        std::size_t at = used;
        used += (std::size_t(count) * sizeof(E) + 127) / 64 * 64;  // a line to spare: no two parts share one
        return base ? reinterpret_cast<E *>(base + at) : nullptr;
    }
};

}  // namespace gruvy::GRUVY_NS
