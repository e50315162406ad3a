// One step of the forward recurrence over register tiles: the products with x (unless made before) and h, then the
// gates on the accumulators while they are still in registers.
//
// The order of every number, in every path, training or not: acc = b, then x_k W_k for k = 0 .. I-1, then h_k U_k for
// k = 0 .. H-1; with reset after, the candidate's recurrent part starts by itself at c. See tile.hpp for long sums.
#pragma once

#include "activations.hpp"
#include "pack.hpp"

namespace gruvy::GRUVY_NS {

// One active row at one step. Pointers to rows of H (or I) numbers; those into scratch have room for whole vectors.
template <class T> struct Row {
    const T *x;     // input
    const T *h;     // state before
    T *input_sums;  // b + x W of r, z, n, `sums_stride` apart, where they were made before
    T *h_next;      // state after, in scratch
    T *y, *gates;   // state after and gates, for the caller; or null
    T *z, *rh;      // reset before: the update gate and r ∘ h between the two phases
};

// (1-z) a + z b as one subtraction and one fma.
template <class T> GRUVY_INLINE Vec<T> blend(bool keeps, Vec<T> z, Vec<T> n, Vec<T> h) {
    return keeps ? fma(z, h - n, n) : fma(z, n - h, h);
}

template <class T, class S = T> struct Cell {
    using V = Vec<T>;
    static constexpr int L = V::lanes;
    Panels<T, S> panels;
    Index I, H, sums_stride;
    bool fused;  // the input products are made here, not before
    bool keeps;

    bool apart() const { return scaled<S> || I + H > tuning::longest_chain; }
    Factor<T, S> factor_x(Index panel = 0) const {
        return {panels.W + panel * panels.size_W, panels.size_W, I, apart(), panels.scale_W + panel * L};
    }
    Factor<T, S> factor_h(Index panel = 0) const {
        return {panels.U + panel * panels.size_U, panels.size_U, H, apart(), panels.scale_U + panel * L};
    }

    // Where the numbers of a panel are in rows of H: unit and gate of its first.
    template <int N> GRUVY_INLINE Index unit(Index panel) const {
        if (N == 1)
            while (panel >= panels.blocks) panel -= panels.blocks;
        return panel * L;
    }
    template <int N> GRUVY_INLINE Index gate(Index panel) const {
        return N == 3 ? 0 : (panel >= panels.blocks) + (panel >= 2 * panels.blocks);
    }

    // acc = b, and the rows of x.
    template <int N> GRUVY_INLINE void begin_x(const Tile<T, N> &tile, const Row<T> *rows, Index offset) const {
        for (int p = 0; p < tile.P * N; p++) {
            V bias = V::load(panels.b + ((tile.block + offset) * N + p) * L);
            for (int r = 0; r < tile.R; r++) bias.store(tile.acc + (r * tile.P * N + p) * L);
        }
        for (int r = 0; r < tile.R; r++) tile.input[r] = rows[tile.row + r].x;
    }
    // acc = the input sums, made before.
    template <int N> GRUVY_INLINE void begin_sums(const Tile<T, N> &tile, const Row<T> *rows, Index offset) const {
        for (int p = 0; p < tile.P; p++)
            for (int n = 0; n < N; n++) {
                Index panel = tile.block + offset + p, j = unit<N>(panel), g = gate<N>(panel) + n;
                for (int r = 0; r < tile.R; r++)
                    load_up_to<T>(rows[tile.row + r].input_sums + g * sums_stride + j, H - j).store(tile.at(r, p, n));
            }
    }

    // The input sums b + x W for every row; `first`, `last` count panels.
    template <int N> void inputs(const Row<T> *rows, Index count, Index first, Index last) const {
        const Factor<T, S> x = factor_x();
        for_tiles<T, N>(count, first, last, &x, 1, [&](int, const Tile<T, N> &tile) { begin_x(tile, rows, 0); },
                        [&](const Tile<T, N> &tile) {
            for (int p = 0; p < tile.P; p++)
                for (int n = 0; n < N; n++) {
                    Index panel = tile.block + p, j = unit<N>(panel), g = gate<N>(panel) + n;
                    for (int r = 0; r < tile.R; r++)
                        store_up_to<T>(rows[tile.row + r].input_sums + g * sums_stride + j, V::load(tile.at(r, p, n)),
                                       H - j);
                }
        });
    }

    GRUVY_INLINE void finish(const Row<T> &row, Index j, V z, V n, V h) const {
        V h_next = blend<T>(keeps, z, n, h);
        h_next.store(row.h_next + j);
        if (row.y) store_up_to<T>(row.y + j, h_next, H - j);
    }

    // reset after: all of a step, for the units of blocks [first, last).
    void after(const Row<T> *rows, Index count, Index first, Index last) const {
        const Factor<T, S> factor[2] = {factor_x(), factor_h()};
        auto begin = [&](int f, const Tile<T, 3> &tile) {
            if (fused && f == 0) return begin_x(tile, rows, 0);
            if (!fused) begin_sums(tile, rows, 0);
            tile.each([&](Index, Index j, int i) {
                T *q = tile.acc + (3 * i + 2) * L;
                V::load(q).store(tile.side + i * L);
                V::load(panels.c + j).store(q);
            });
            for (int r = 0; r < tile.R; r++) tile.input[r] = rows[tile.row + r].h;
        };
        auto end = [&](const Tile<T, 3> &tile) {
            tile.each([&](Index at, Index j, int i) {
                const Row<T> &row = rows[at];
                const Index left = H - j;
                const T *acc = tile.acc + 3 * i * L;
                V r = sigmoid<T>(V::load(acc)), z = sigmoid<T>(V::load(acc + L)), q = V::load(acc + 2 * L);
                V n = tanh<T>(fma(r, q, V::load(tile.side + i * L)));
                finish(row, j, z, n, load_up_to<T>(row.h + j, left));
                if (row.gates) {
                    store_up_to<T>(row.gates + j, r, left);
                    store_up_to<T>(row.gates + H + j, z, left);
                    store_up_to<T>(row.gates + 2 * H + j, n, left);
                    store_up_to<T>(row.gates + 3 * H + j, q, left);
                }
            });
        };
        for_tiles<T, 3>(count, first, last, factor + !fused, 1 + fused, begin, end);
    }

    // reset before, first phase: r and z; panels count first those of r, then those of z.
    void before_gates(const Row<T> *rows, Index count, Index first, Index last) const {
        const Factor<T, S> factor[2] = {factor_x(), factor_h()};
        auto begin = [&](int f, const Tile<T, 1> &tile) {
            if (fused && f == 0) return begin_x(tile, rows, 0);
            if (!fused) begin_sums(tile, rows, 0);
            for (int r = 0; r < tile.R; r++) tile.input[r] = rows[tile.row + r].h;
        };
        auto end = [&](const Tile<T, 1> &tile) {
            tile.each([&](Index at, Index place, int i) {
                const Row<T> &row = rows[at];
                const Index panel = place / L, j = unit<1>(panel), left = H - j;
                V gate = sigmoid<T>(V::load(tile.acc + i * L));
                if (panel < panels.blocks) {
                    (gate * load_up_to<T>(row.h + j, left)).store(row.rh + j);
                    if (row.gates) store_up_to<T>(row.gates + j, gate, left);
                } else {
                    store_up_to<T>(row.z + j, gate, left);
                }
            });
        };
        for_tiles<T, 1>(count, first, last, factor + !fused, 1 + fused, begin, end);
    }

    // reset before, second phase: the candidate and the new state.
    void before_state(const Row<T> *rows, Index count, Index first, Index last) const {
        const Index offset = 2 * panels.blocks;
        const Factor<T, S> factor[2] = {factor_x(offset), factor_h(offset)};
        auto begin = [&](int f, const Tile<T, 1> &tile) {
            if (fused && f == 0) return begin_x(tile, rows, offset);
            if (!fused) begin_sums(tile, rows, offset);
            for (int r = 0; r < tile.R; r++) tile.input[r] = rows[tile.row + r].rh;
        };
        auto end = [&](const Tile<T, 1> &tile) {
            tile.each([&](Index at, Index j, int i) {
                const Row<T> &row = rows[at];
                const Index left = H - j;
                V n = tanh<T>(V::load(tile.acc + i * L));
                finish(row, j, load_up_to<T>(row.z + j, left), n, load_up_to<T>(row.h + j, left));
                if (row.gates) store_up_to<T>(row.gates + 2 * H + j, n, left);
            });
        };
        for_tiles<T, 1>(count, first, last, factor + !fused, 1 + fused, begin, end);
    }
};

}  // namespace gruvy::GRUVY_NS
