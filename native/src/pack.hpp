// Weights as panels: for each block of `lanes` rows, vectors of those rows at k = 0, 1, ..., so that the register tile
// reads straight on. Rows beyond the last are 0.
//
// reset after: a panel holds r, z and n of the same units, [block][k][3][lane], so that the gates are computed on
// accumulators still in registers. reset before: one gate a panel, [gate][block][k][lane], since r is needed before n.
#pragma once

#include "tile.hpp"

namespace gruvy::GRUVY_NS {

// dst[k * step + l] = src[l * stride + k], l < n; 0 for n <= l < lanes.
template <class T> inline void pack_rows(T *dst, Index step, const T *src, Index stride, Index n, Index K) {
    constexpr int L = Vec<T>::lanes;
    if (n == L) {
        for (Index k = 0; k < K; k++)
            for (int l = 0; l < L; l++) dst[k * step + l] = src[l * stride + k];
        return;
    }
    for (Index k = 0; k < K; k++)
        for (int l = 0; l < L; l++) dst[k * step + l] = l < n ? src[l * stride + k] : T(0);
}

// dst[k * L + l] = src[k * stride + l], l < n; 0 beyond: panels of the columns.
template <class T> inline void pack_columns(T *dst, const T *src, Index stride, Index n, Index K) {
    constexpr int L = Vec<T>::lanes;
    for (Index k = 0; k < K; k++) load_up_to(src + k * stride, n).store(dst + k * L);
}

// The panels that forward reads.
template <class T> struct Panels {
    T *W, *U, *b, *c;
    Index blocks;          // of units
    Index gates;           // 3: r, z, n in one panel; 1: panels of r, then of z, then of n
    Index size_W, size_U;  // numbers of a panel

    template <class A> static Panels cut(A &arena, const Shape &s, const Convention &convention) {
        constexpr int L = Vec<T>::lanes;
        Panels panels;
        panels.blocks = blocks_of(s.H, L);
        panels.gates = convention.after ? 3 : 1;
        panels.size_W = panels.gates * s.I * L;
        panels.size_U = panels.gates * s.H * L;
        panels.W = arena.template take<T>(3 * panels.blocks * s.I * L);
        panels.U = arena.template take<T>(3 * panels.blocks * s.H * L);
        panels.b = arena.template take<T>(3 * panels.blocks * L);
        panels.c = arena.template take<T>(panels.blocks * L);
        return panels;
    }
    static Panels cut_block(T *block, const Shape &s, const Convention &convention) {
        Arena arena{reinterpret_cast<char *>(block)};
        return cut(arena, s, convention);
    }

    // Fills the panels of the units in blocks [first, last).
    void fill(const Weights<T> &weights, const Shape &s, Index first, Index last) const {
        constexpr int L = Vec<T>::lanes;
        for (Index j = first; j < last; j++)
            for (Index g = 0; g < 3; g++) {
                Index row = g * s.H + j * L, n = least(L, s.H - j * L);
                Index panel = gates == 3 ? j : g * blocks + j, offset = gates == 3 ? g * L : 0;
                pack_rows(W + panel * size_W + offset, gates * L, weights.W + row * s.I, s.I, n, s.I);
                pack_rows(U + panel * size_U + offset, gates * L, weights.U + row * s.H, s.H, n, s.H);
                T *bias = b + (gates == 3 ? j * 3 + g : panel) * L;
                const bool last = g == 2 && gates == 3;  // the candidate's second bias stays by itself
                const T *more = weights.more && !last ? weights.more + row : nullptr;
                const T *own = weights.more && last ? weights.more + row : weights.c ? weights.c + j * L : nullptr;
                for (int l = 0; l < L; l++)
                    bias[l] = l < n ? (weights.b ? weights.b[row + l] : T(0)) + (more ? more[l] : T(0)) : T(0);
                if (g == 2)
                    for (int l = 0; l < L; l++) c[j * L + l] = own && l < n ? own[l] : T(0);
            }
    }
};

}  // namespace gruvy::GRUVY_NS
