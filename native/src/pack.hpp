// Weights as panels: for each block of `lanes` rows, vectors of those rows at k = 0, 1, ..., so that the register tile
// reads straight on. Rows beyond the last are 0.
//
// reset after: a panel holds r, z and n of the same units, [block][k][3][lane], so that the gates are computed on
// accumulators still in registers. reset before: one gate a panel, [gate][block][k][lane], since r is needed before n.
#pragma once

#include "held.hpp"

namespace gruvy::GRUVY_NS {

// dst[k * step + l] = src[l * stride + k], l < n; 0 for n <= l < lanes. Where some k lie together, [k / G][lane][k % G]
// with G step between groups; the last group is filled with 0.
template <class T, class S> inline void pack_rows(S *dst, Index step, const S *src, Index stride, Index n, Index K) {
    constexpr int L = Vec<T>::lanes, G = group<S>;
    if (n == L && G == 1) {
        for (Index k = 0; k < K; k++)
            for (int l = 0; l < L; l++) dst[k * step + l] = src[l * stride + k];
        return;
    }
    for (Index k = 0; k < blocks_of(K, G) * G; k++)
        for (int l = 0; l < L; l++)
            dst[(k - k % G) * step + Index(l) * G + k % G] = l < n && k < K ? src[l * stride + k] : S{};
}

// dst[k * L + l] = src[k * stride + l], l < n; 0 beyond: panels of the columns.
template <class T> inline void pack_columns(T *dst, const T *src, Index stride, Index n, Index K) {
    constexpr int L = Vec<T>::lanes;
    for (Index k = 0; k < K; k++) load_up_to(src + k * stride, n).store(dst + k * L);
}

// The panels that forward reads; S: how the weights are held.
template <class T, class S = T> struct Panels {
    S *W, *U;
    T *b, *c;
    T *scale_W, *scale_U;  // as b, where weights are scaled
    Index blocks;          // of units
    Index gates;           // 3: r, z, n in one panel; 1: panels of r, then of z, then of n
    Index size_W, size_U;  // numbers of a panel

    template <class A> static Panels cut(A &arena, const Shape &s, const Convention &convention) {
        constexpr int L = Vec<T>::lanes;
        Panels panels;
        panels.blocks = blocks_of(s.H, L);
        panels.gates = convention.after ? 3 : 1;
        const Index I = blocks_of(s.I, group<S>) * group<S>, H = blocks_of(s.H, group<S>) * group<S>;
        panels.size_W = panels.gates * I * L;
        panels.size_U = panels.gates * H * L;
        panels.W = arena.template take<S>(3 * panels.blocks * I * L);
        panels.U = arena.template take<S>(3 * panels.blocks * H * L);
        panels.b = arena.template take<T>(3 * panels.blocks * L);
        panels.c = arena.template take<T>(panels.blocks * L);
        panels.scale_W = scaled<S> ? arena.template take<T>(3 * panels.blocks * L) : nullptr;
        panels.scale_U = scaled<S> ? arena.template take<T>(3 * panels.blocks * L) : nullptr;
        return panels;
    }
    static Panels cut_block(T *block, const Shape &s, const Convention &convention) {
        Arena arena{reinterpret_cast<char *>(block)};
        return cut(arena, s, convention);
    }

    // Fills the panels of the units in blocks [first, last).
    void fill(const Weights<T> &weights, const Shape &s, Index first, Index last) const {
        fill(weights.W, weights.U, nullptr, nullptr, weights, s, first, last);
    }
    // Of `weights` only the biases; row_W, row_U: the scales of rows.
    void fill(const S *from_W, const S *from_U, const T *row_W, const T *row_U, const Weights<T> &weights,
              const Shape &s, Index first, Index last) const {
        constexpr int L = Vec<T>::lanes;
        for (Index j = first; j < last; j++)
            for (Index g = 0; g < 3; g++) {
                Index row = g * s.H + j * L, n = least(L, s.H - j * L);
                Index panel = gates == 3 ? j : g * blocks + j, offset = gates == 3 ? g * L * group<S> : 0;
                pack_rows<T>(W + panel * size_W + offset, gates * L, from_W + row * s.I, s.I, n, s.I);
                pack_rows<T>(U + panel * size_U + offset, gates * L, from_U + row * s.H, s.H, n, s.H);
                const Index place = (gates == 3 ? j * 3 + g : panel) * L;
                for (int l = 0; scaled<S> && l < L; l++) {
                    scale_W[place + l] = l < n ? row_W[row + l] / T(int8_is) : T(0);
                    scale_U[place + l] = l < n ? row_U[row + l] / T(int8_is) : T(0);
                }
                T *bias = b + place;
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
