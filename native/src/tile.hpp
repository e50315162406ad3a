// The register tile: R rows times P blocks of N vectors, accumulated over k in increasing order.
//
// Every number of a result is one chain of fused multiply-adds, acc = fma(a[k], w[k], acc) for k = 0, 1, ..., or, where
// that would be long, a sum of such chains over blocks of k: the shape of the tile it falls in changes nothing but the
// time. That is what makes the bits independent of batch and threads.
#pragma once

#include <type_traits>

#include "engine.hpp"
#include "simd.hpp"
#include "tuning.hpp"

namespace gruvy::GRUVY_NS {

template <class T> struct Limits {
    static constexpr bool many = Vec<T>::registers >= 32;
    static constexpr int rows = many ? tuning::tile_rows_of_32 : tuning::tile_rows_of_16;
};

GRUVY_INLINE Index least(Index a, Index b) { return a < b ? a : b; }
GRUVY_INLINE Index most(Index a, Index b) { return a > b ? a : b; }
GRUVY_INLINE Index blocks_of(Index n, Index size) { return (n + size - 1) / size; }

// For each of `tiles` tiles: acc[r][p][n] += sum over k of a[r][k A] w[p][k][n]; acc in memory, a vector each.
// a[r]: row r's factors, A apart; w: the first block's panel [k][n][lane], the next block's `next` numbers on.
// apart: the sum is made by itself and then added, else it goes on from acc.
//
// Not inlined: in a function of its own every accumulator gets a register; where the gates' constants compete for them
// the compiler keeps some in memory, at twice the time. Unrolled over k: a core that it shares with another thread has
// room for half as many instructions, and the loop's own are then worth saving.
//
// Of a step's weights and factors the fewer are all held, and the others come one by one, in the order written here
// (`settle`): a compiler that brings them early has no register left and stores accumulators in every step.
template <class T, int R, int P, int N, int A>
__attribute__((noinline)) void multiply(T *acc_, const T *const *a_, Index tiles, const T *w_, Index next, Index K,
                                        bool apart) {
    using V = Vec<T>;
    using S = Each<T>;
    constexpr int L = V::lanes, M = P * N;  // vectors of weights in a step
    static_assert(R * M + (R < M ? R : M) + 1 <= V::registers, "accumulators, weights and factors fit the registers");
    for (; tiles > 0; tiles--, acc_ += R * M * L, a_ += R) {
        V acc[R * M];
        const T *a[R], *w = w_;
#pragma GCC unroll 32
        for (int i = 0; i < R * M; i++) acc[i] = apart ? V::zero() : V::load(acc_ + i * L);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) a[r] = a_[r];
#pragma GCC unroll 8
        for (Index k = 0; k < K; k++) {
            if constexpr (R == 1) {
                const S s = S::load(a[0] + k * A);
#pragma GCC unroll 16
                for (int m = 0; m < M; m++) s.add(w + m / N * next + m % N * L, acc[m]);
            } else if constexpr (R > M) {
                V b[M];
#pragma GCC unroll 16
                for (int m = 0; m < M; m++) {
                    b[m] = V::load(w + m / N * next + m % N * L);
                    b[m].settle();  // else it is fetched again for each row
                }
#pragma GCC unroll 16
                for (int r = 0; r < R; r++) {
                    S s = S::load(a[r] + k * A);
                    s.settle();
#pragma GCC unroll 16
                    for (int m = 0; m < M; m++) s.add(b[m], acc[r * M + m]);
                }
            } else {
                S s[R];
#pragma GCC unroll 16
                for (int r = 0; r < R; r++) {
                    s[r] = S::load(a[r] + k * A);
                    s[r].settle();
                }
#pragma GCC unroll 16
                for (int m = 0; m < M; m++) {
                    V b = V::load(w + m / N * next + m % N * L);
                    b.settle();
#pragma GCC unroll 16
                    for (int r = 0; r < R; r++) s[r].add(b, acc[r * M + m]);
                }
            }
            w += N * L;
        }
#pragma GCC unroll 32
        for (int i = 0; i < R * M; i++) {
            if (apart) acc[i] = V::load(acc_ + i * L) + acc[i];
            acc[i].store(acc_ + i * L);
        }
    }
}

template <class T, class S, int R, int P, int N>
void multiply_held(T *acc, const T *const *a, Index tiles, const S *w, Index next, Index K, bool apart, const T *scale);

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

// A tile at work: R rows from `row` on, P blocks from `block` on.
template <class T, int N> struct Tile {
    int R, P;
    Index row, block;
    T *acc;           // [R][P][N][lanes]
    T *side;          // [R][P][lanes]: to keep something between two products
    const T **input;  // [R]: where the rows' factors are, for begin to set

    GRUVY_INLINE T *at(int r, int p, int n = 0) const { return acc + ((r * P + p) * N + n) * Vec<T>::lanes; }
    GRUVY_INLINE void clear() const {
        for (int i = 0; i < R * P * N; i++) Vec<T>::zero().store(acc + i * Vec<T>::lanes);
    }
    // f(row, first unit, number of the vector) for each row and block.
    template <class F> GRUVY_INLINE void each(const F &f) const {
        int i = 0;
        for (int r = 0; r < R; r++)
            for (int p = 0; p < P; p++, i++) f(row + r, (block + p) * Vec<T>::lanes, i);
    }
};

// One product into the accumulators, K vectors of N: block j's panel at panels + j panel_size. apart: sums of blocks of
// k.
// S: how the weights are held; scale: block j's scales at scale + j N lanes, where they have any.
template <class T, class S = T> struct Factor {
    const S *panels;
    Index panel_size, K;
    bool apart;
    const T *scale = nullptr;
};

template <class T, class S> struct Multiply {
    using type = void (*)(T *, const T *const *, Index, const S *, Index, Index, bool, const T *);
    template <int R, int P, int N> static constexpr type of() { return multiply_held<T, S, R, P, N>; }
};
template <class T> struct Multiply<T, T> {
    using type = void (*)(T *, const T *const *, Index, const T *, Index, Index, bool);
    template <int R, int P, int N> static constexpr type of() { return multiply<T, R, P, N, 1>; }
};

template <class T, int N, class S> struct Kind {
    int R, P;
    typename Multiply<T, S>::type multiply;
    template <int R, int P> static constexpr Kind of() { return {R, P, Multiply<T, S>::template of<R, P, N>()}; }
};

template <class T, int N, class S, class Begin, class End>
inline void sweep(const Kind<T, N, S> kind, Index row, Index rows, Index &block, Index last, const Factor<T, S> *factor,
                  int factors, const Begin &begin, const End &end) {
    constexpr int L = Vec<T>::lanes, full = Limits<T>::rows;
    constexpr Index most_tiles = tuning::waiting_rows / full;
    alignas(64) T acc[most_tiles * full * 3 * L];
    alignas(64) T side[most_tiles * full * L];
    const T *input[most_tiles * full];
    const int R = kind.R, P = kind.P, size = R * P * N * L;
    for (; block + P <= last; block += P)
        for (Index from = row; from + R <= rows;) {
            const Index tiles = least(most_tiles, (rows - from) / R);
            auto tile = [&](Index i) {
                return Tile<T, N>{R, P, from + i * R, block, acc + i * size, side + i * R * P * L, input + i * R};
            };
            for (int f = 0; f < factors; f++) {
                const Factor<T, S> &product = factor[f];
                const S *panel = product.panels + block * product.panel_size;
                const Index step = product.apart ? tuning::chain : tiles > 1 ? tuning::panel_steps : most(1, product.K);
                for (Index i = 0; i < tiles; i++) begin(f, tile(i));
                for (Index k = 0; k < product.K; k += step) {
                    const Index some = least(step, product.K - k);
                    if constexpr (std::is_same_v<S, T>)
                        kind.multiply(acc, input, tiles, panel + k * N * L, product.panel_size, some, product.apart);
                    else
                        kind.multiply(acc, input, tiles, panel + k * N * L, product.panel_size, some, product.apart,
                                      product.scale + block * N * L);
                    for (Index i = 0; i < tiles * R && k + step < product.K; i++) input[i] += step;
                }
            }
            for (Index i = 0; i < tiles; i++) end(tile(i));
            from += tiles * R;
        }
}

// Covers `rows` rows and the blocks [first, last) of N vectors each with tiles: for each factor begin(f, tile) sets the
// rows' pointers and, at first, the accumulators, then the product is added; end(tile) takes them. A group of panels
// meets all rows before the next group.
template <class T, int N, class S, class Begin, class End>
inline void for_tiles(Index rows, Index first, Index last, const Factor<T, S> *factor, int factors, const Begin &begin,
                      const End &end) {
    using K = Kind<T, N, S>;
    constexpr int full = Limits<T>::rows;
    auto cover = [&](Index row, Index to, Index &block, Index stop, K kind) __attribute__((noinline)) {
        sweep<T, N, S>(kind, row, to, block, stop, factor, factors, begin, end);
    };
    Index row = rows / full * full, block = first;
    if (row) {
        if constexpr (N == 1) {
            const K three = K::template of<full, 3>(), two = K::template of<full, 2>();
            // Of four panels left two and two, of two one pair: a single one alone is slow.
            Index left = last - first, pairs = left % 3 == 1 && left > 1 ? 2 : left % 3 == 2;
            cover(0, row, block, last - 2 * pairs, three);
            cover(0, row, block, last, two);
        }
        cover(0, row, block, last, K::template of<full, 1>());
    }
    if (full > 4 && rows - row >= 4) {
        block = first;
        if constexpr (N == 1) cover(row, row + 4, block, last, K::template of<4, 3>());
        cover(row, row + 4, block, last, K::template of<4, 1>());
        row += 4;
    }
    if (rows - row >= 2) {
        block = first;
        cover(row, row + 2, block, last, K::template of<2, N == 1 ? 4 : 2>());
        cover(row, row + 2, block, last, K::template of<2, 1>());
        row += 2;
    }
    if (rows - row >= 1) {
        block = first;
        cover(row, rows, block, last, K::template of<1, N == 1 ? 8 : 4>());
        if constexpr (N == 1) cover(row, rows, block, last, K::template of<1, 4>());
        cover(row, rows, block, last, K::template of<1, 1>());
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
